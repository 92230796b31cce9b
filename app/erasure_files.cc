// Text files of others, a record a line: what names the person goes.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "app/erasure.h"

namespace consentry::app {
namespace {

namespace fs = std::filesystem;

failure file_failure(const fs::path& file, const char* doing) {
  return {.kind = errno == ENOSPC ? failure_kind::storage_full : failure_kind::io,
          .public_text = "a file could not be changed",
          .private_cause = file.string() + ": " + doing + ": " + std::strerror(errno)};
}

result<bool> names(const fs::path& file, const queue::named_person& who) {
  std::ifstream in{file, std::ios::binary};
  if (!in) return file_failure(file, "opening");
  for (std::string line; std::getline(in, line);)
    if (who.is_in(line)) return true;
  return false;
}

result<void> sync(const fs::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return file_failure(path, "opening");
  const int code = ::fsync(fd);
  ::close(fd);
  if (code != 0) return file_failure(path, "syncing");
  return {};
}

result<void> leave_out(const fs::path& file, const queue::named_person& who) {
  auto next = file;
  next += ".erasing";
  {
    std::ifstream in{file, std::ios::binary};
    std::ofstream out{next, std::ios::binary | std::ios::trunc};
    ::chmod(next.c_str(), 0600);
    for (std::string line; std::getline(in, line);) {
      if (who.is_in(line)) continue;
      out << line;
      if (!in.eof()) out << '\n';
    }
    out.flush();
    if (!out || in.bad()) {
      auto f = file_failure(next, "writing");
      std::error_code ignored;
      fs::remove(next, ignored);
      return f;
    }
  }
  if (auto done = sync(next, O_RDONLY); !done) return done;
  if (::rename(next.c_str(), file.c_str()) != 0) return file_failure(file, "replacing");
  return sync(file.parent_path(), O_RDONLY | O_DIRECTORY);
}

}  // namespace

erasure_hook erase_lines_below(fs::path folder) {
  return [folder = std::move(folder)](const erased_person& who) -> result<std::uint64_t> {
    std::uint64_t changed = 0;
    std::error_code error;
    if (!fs::is_directory(folder, error)) return changed;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator{folder, error})
      if (entry.is_regular_file(error)) files.push_back(entry.path());
    for (const auto& file : files) {
      const auto is_named = names(file, who.name);
      if (!is_named) return is_named.error();
      if (!*is_named) continue;
      if (auto done = leave_out(file, who.name); !done) return done.error();
      ++changed;
    }
    return changed;
  };
}

}  // namespace consentry::app
