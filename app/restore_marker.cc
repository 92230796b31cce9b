#include "app/restore_marker.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace consentry::app {
namespace {

constexpr const char* name = "restored";

failure marker_failure(const char* doing) {
  return {.kind = failure_kind::io,
          .public_text = "the mark of a restored store could not be changed",
          .private_cause = std::string{doing} + ": " + std::strerror(errno)};
}

result<void> sync_names(const std::filesystem::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return marker_failure("opening the store's folder");
  const int code = ::fsync(fd);
  ::close(fd);
  if (code != 0) return marker_failure("syncing the store's folder");
  return {};
}

}  // namespace

bool is_marked_restored(const std::filesystem::path& store) {
  std::error_code error;
  // What cannot be seen is taken for marked: not sending is the safe side.
  return std::filesystem::exists(store / name, error) || error;
}

result<void> mark_restored(const std::filesystem::path& store, std::string_view text) {
  const int fd = ::open((store / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return marker_failure("creating");
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       ::fsync(fd) == 0;
  ::close(fd);
  if (!written) return marker_failure("writing");
  return sync_names(store);
}

result<void> unmark_restored(const std::filesystem::path& store) {
  if (::unlink((store / name).c_str()) != 0 && errno != ENOENT) return marker_failure("removing");
  return sync_names(store);
}

}  // namespace consentry::app
