#include "app/import_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "policy/consent/import_rows.h"
#include "policy/consent/import_run.h"

namespace consentry::app {

namespace fs = std::filesystem;
namespace consent = policy::consent;

namespace {

failure disk_failure(const fs::path& file, int error) {
  const bool is_full = error == ENOSPC || error == EDQUOT;
  return {.kind = is_full ? failure_kind::storage_full : failure_kind::io,
          .public_text = is_full ? "no room on the disk" : "the upload cannot be written",
          .private_cause = file.string() + ": " + std::strerror(error)};
}

}  // namespace

fs::path import_files::folder(import_id id) const {
  return root_ / to_string(id);
}

fs::path import_files::rejects(import_id id) const {
  return folder(id) / consent::rejects_file;
}

fs::path import_files::next_rejects(import_id id) const {
  auto next = rejects(id);
  next += ".new";
  return next;
}

std::vector<fs::path> import_files::of(import_id id, const std::vector<std::string>& names) const {
  std::vector<fs::path> out;
  for (const auto& n : names) out.push_back(folder(id) / n);
  return out;
}

result<void> import_files::create(import_id id) const {
  try {
    for (const auto& f : {root_, folder(id)}) {
      fs::create_directories(f);
      fs::permissions(f, fs::perms::owner_all);
    }
    // What an earlier job of the number left after its record was gone.
    remove_plan(id);
    const int fd = ::open(upload(id).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return disk_failure(upload(id), errno);
    ::close(fd);
    // From above: a name is nothing in a folder that has none.
    for (const auto& f : {root_.parent_path(), root_, folder(id)}) consent::sync_folder(f);
  } catch (const std::system_error& e) {
    return disk_failure(folder(id), e.code().value());
  }
  return {};
}

result<void> import_files::write(import_id id, std::uint64_t offset, std::string_view bytes,
                                 const std::function<void()>& give_way) const {
  constexpr std::size_t step_bytes = 256u << 10;
  const auto file = upload(id);
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return disk_failure(file, errno);
  int error = ::ftruncate(fd, static_cast<off_t>(offset)) == 0 ? 0 : errno;
  while (error == 0 && !bytes.empty()) {
    const auto n =
        ::pwrite(fd, bytes.data(), std::min(bytes.size(), step_bytes), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      error = errno;
      break;
    }
    consent::write_back(fd, offset, static_cast<std::size_t>(n));
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
    if (give_way) give_way();
  }
  if (error == 0 && ::fdatasync(fd) != 0) error = errno;
  ::close(fd);
  if (error != 0) return disk_failure(file, error);
  return {};
}

void import_files::remove_plan(import_id id) const {
  std::error_code ignored;
  for (const auto& f : fs::directory_iterator{folder(id), ignored})
    if (f.path() != upload(id)) fs::remove(f.path(), ignored);
}

void import_files::remove_all_but_rejects(import_id id) const {
  std::error_code ignored;
  // Beside it may lie what forget() is writing on another thread; a crash leaves no more there than
  // the reject file itself holds.
  for (const auto& f : fs::directory_iterator{folder(id), ignored})
    if (f.path() != rejects(id) && f.path() != next_rejects(id)) fs::remove(f.path(), ignored);
}

void import_files::remove(import_id id) const {
  std::error_code ignored;
  fs::remove_all(folder(id), ignored);
}

std::vector<import_id> import_files::list() const {
  std::vector<import_id> out;
  std::error_code error;
  fs::directory_iterator at{root_, error};
  for (; !error && at != fs::directory_iterator{}; at.increment(error))
    if (const auto id = parse_import_id(at->path().filename().string())) out.push_back(*id);
  if (error && error != std::errc::no_such_file_or_directory)
    throw std::system_error{error, root_.string()};
  return out;
}

namespace {

// The records of a file, one after the other. Throws std::system_error.
void each_record(const fs::path& file, const std::function<void(std::string_view)>& f) {
  constexpr std::size_t piece_bytes = 1u << 20;
  std::ifstream in{file, std::ios::binary};
  if (!in) throw std::system_error{errno, std::generic_category(), file.string()};
  const consent::file_layout layout;
  const consent::import_limits limits{.row_bytes_max = SIZE_MAX};
  std::string text;
  do {
    const auto had = text.size();
    text.resize(had + piece_bytes);
    in.read(text.data() + had, piece_bytes);
    // A stream that cannot be read never comes to its end.
    if (in.bad()) throw std::system_error{EIO, std::generic_category(), file.string()};
    text.resize(had + static_cast<std::size_t>(in.gcount()));
    const auto whole = consent::whole_records(text, layout, in.eof());
    const auto reader =
        consent::make_row_reader(std::string_view{text}.substr(0, whole), 1, layout, limits);
    for (consent::raw_row row; reader->next(row);) f(row.text);
    text.erase(0, whole);
  } while (!in.eof());
}

}  // namespace

bool import_files::forget(import_id id, const std::function<bool(std::string_view)>& names) const {
  const auto file = rejects(id);
  std::error_code error;
  if (!fs::exists(file, error)) {
    if (error) throw std::system_error{error, file.string()};
    return false;
  }
  const auto next = next_rejects(id);
  std::ofstream out{next, std::ios::binary | std::ios::trunc};
  bool is_named = false;
  each_record(file, [&](std::string_view row) {
    if (names(row))
      is_named = true;
    else
      out << row << "\n";
  });
  out.close();
  if (!is_named || !out) {
    fs::remove(next, error);
    if (is_named) throw std::system_error{EIO, std::generic_category(), next.string()};
    return false;
  }
  consent::sync_file(next);
  fs::rename(next, file);
  consent::sync_folder(folder(id));
  return true;
}

}  // namespace consentry::app
