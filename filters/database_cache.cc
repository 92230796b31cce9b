#include "filters/database_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <thread>
#include <vector>

#include "base/secret.h"

namespace consentry::filters {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view suffix = ".hsdb";
constexpr std::size_t digest_bytes = 32;
constexpr std::size_t kept_max = 48;  // eight policies: two a view, of texts and of links
constexpr std::size_t content_max = 256u << 20;

class open_file {
 public:
  explicit open_file(int fd) noexcept : fd_{fd} {}
  ~open_file() {
    if (fd_ >= 0) ::close(fd_);
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

bool is_ours(const struct stat& s) noexcept {
  return S_ISREG(s.st_mode) && s.st_uid == ::geteuid() && (s.st_mode & 077) == 0;
}

bool read_all(int fd, std::string& into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto n = ::read(fd, into.data() + done, into.size() - done);
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void forget_the_oldest(const fs::path& folder) {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> all;
  for (const auto& e : fs::directory_iterator{folder, error})
    if (e.path().extension() == suffix) all.emplace_back(e.last_write_time(error), e.path());
  if (all.size() <= kept_max) return;
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i + kept_max < all.size(); ++i) fs::remove(all[i].second, error);
}

}  // namespace

database_cache::database_cache(fs::path folder) : folder_{std::move(folder)} {
  if (folder_.empty()) return;
  std::error_code error;
  fs::create_directories(folder_.parent_path(), error);
  if (::mkdir(folder_.c_str(), 0700) != 0 && !fs::is_directory(folder_, error)) folder_.clear();
}

std::optional<std::string> database_cache::find(std::string_view key) const {
  if (folder_.empty()) return std::nullopt;
  const fs::path file = folder_ / (std::string{key} + std::string{suffix});
  const open_file f{::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
  struct stat s{};
  if (f.get() < 0 || ::fstat(f.get(), &s) != 0 || !is_ours(s)) return std::nullopt;
  const auto size = static_cast<std::size_t>(s.st_size);
  if (size <= digest_bytes || size > content_max) return std::nullopt;
  std::string digest(digest_bytes, '\0');
  std::string content(size - digest_bytes, '\0');
  if (!read_all(f.get(), digest) || !read_all(f.get(), content)) return std::nullopt;
  if (as_bytes(sha256(content)) != digest) return std::nullopt;
  ::futimens(f.get(), nullptr);  // used now
  return content;
}

void database_cache::keep(std::string_view key, std::string_view content) const {
  if (folder_.empty() || content.size() > content_max) return;
  const fs::path file = folder_ / (std::string{key} + std::string{suffix});
  // Of this thread alone: others may keep the same at the same time.
  const fs::path beside =
      folder_ / (std::string{key} + "." + std::to_string(::getpid()) + "-" +
                 std::to_string(std::hash<std::thread::id>{}(std::this_thread::get_id())) + ".new");
  std::error_code error;
  fs::remove(beside, error);
  bool is_written = false;
  {
    const open_file f{
        ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    is_written = f.get() >= 0 && write_all(f.get(), as_bytes(sha256(content))) &&
                 write_all(f.get(), content);
  }
  if (is_written) fs::rename(beside, file, error);
  if (!is_written || error) fs::remove(beside, error);
  forget_the_oldest(folder_);
}

}  // namespace consentry::filters
