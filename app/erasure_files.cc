// Files of other rooms: what names the person is blanked where it stands, so that nobody who reads
// the file by offsets (an upload that goes on, rows that were planned) notices.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "app/erasure.h"

namespace consentry::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t chunk_bytes = 1u << 20;
// A row, and an address that two chunks share, are shorter.
constexpr std::size_t overlap_bytes = 8u << 10;

failure file_failure(const fs::path& file, const char* doing) {
  return {.kind = errno == ENOSPC ? failure_kind::storage_full : failure_kind::io,
          .public_text = "a file could not be changed",
          .private_cause = file.string() + ": " + doing + ": " + std::strerror(errno)};
}

class open_file {
 public:
  explicit open_file(const fs::path& file) : fd_{::open(file.c_str(), O_RDWR | O_CLOEXEC)} {}
  ~open_file() {
    if (fd_ >= 0) ::close(fd_);
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

bool blank(int fd, std::uint64_t offset, std::size_t bytes) {
  const std::string nothing(bytes, 'x');
  return ::pwrite(fd, nothing.data(), bytes, static_cast<off_t>(offset)) ==
         static_cast<ssize_t>(bytes);
}

// True: the person stood in it.
result<bool> blank_in(const fs::path& file, const queue::named_person& who) {
  const open_file f{file};
  // Removed meanwhile: all the better.
  if (f.fd() < 0 && errno == ENOENT) return false;
  if (f.fd() < 0) return file_failure(file, "opening");
  std::string chunk(chunk_bytes, '\0');
  bool found = false;
  for (std::uint64_t at = 0;; at += chunk_bytes - overlap_bytes) {
    const auto n = ::pread(f.fd(), chunk.data(), chunk_bytes, static_cast<off_t>(at));
    if (n < 0) return file_failure(file, "reading");
    const std::string_view text{chunk.data(), static_cast<std::size_t>(n)};
    for (const auto& [begin, size] : who.places_in(text)) {
      found = true;
      if (!blank(f.fd(), at + begin, size)) return file_failure(file, "writing");
    }
    if (static_cast<std::size_t>(n) < chunk_bytes) break;
  }
  if (found && ::fdatasync(f.fd()) != 0) return file_failure(file, "syncing");
  return found;
}

failure folder_failure(const fs::path& folder, const std::error_code& error) {
  return {.kind = failure_kind::io,
          .public_text = "a folder could not be read",
          .private_cause = folder.string() + ": " + error.message()};
}

// A folder that is not there, or goes meanwhile, holds nobody. Anything else that keeps us from
// looking is a failure: nobody may be told that the person is gone.
result<std::vector<fs::path>> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  const auto is_gone = [&] { return error == std::errc::no_such_file_or_directory; };
  fs::recursive_directory_iterator at{folder, error};
  for (; !error && at != fs::recursive_directory_iterator{}; at.increment(error)) {
    std::error_code kind;
    if (at->is_regular_file(kind)) files.push_back(at->path());
    if (kind && kind != std::errc::no_such_file_or_directory)
      return folder_failure(at->path(), kind);
  }
  if (error && !is_gone()) return folder_failure(folder, error);
  return files;
}

template <class F>
result<std::uint64_t> each_file_below(const fs::path& folder, F f) {
  const auto files = files_below(folder);
  if (!files) return files.error();
  std::uint64_t changed = 0;
  for (const auto& file : *files) {
    const result<bool> done = f(file);
    if (!done) return done.error();
    changed += *done ? 1 : 0;
  }
  return changed;
}

}  // namespace

erasure_hook blank_below(fs::path folder) {
  return [folder = std::move(folder)](const erased_person& who) {
    return each_file_below(folder, [&](const fs::path& file) { return blank_in(file, who.name); });
  };
}

}  // namespace consentry::app
