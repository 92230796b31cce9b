#include "base/secret.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/prepared_hmac.h"

namespace consentry {
namespace {

const unsigned char* octets(std::string_view s) noexcept {
  return reinterpret_cast<const unsigned char*>(s.data());
}

failure file_failure(failure_kind kind, const std::filesystem::path& file,
                     const std::string& what) {
  return {.kind = kind, .permanent = true, .public_text = file.string() + ": " + what};
}

class descriptor {
 public:
  explicit descriptor(int fd) noexcept : fd_{fd} {}
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

}  // namespace

digest256 sha256(std::string_view bytes) {
  digest256 out;
  SHA256(octets(bytes), bytes.size(), out.data());
  return out;
}

digest256 hmac_sha256(std::string_view key, std::string_view bytes) {
  return prepared_hmac{key}(bytes);
}

digest256 pbkdf2_sha256(std::string_view password, std::string_view salt, int iterations) {
  digest256 out;
  CONSENTRY_CHECK(PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()),
                                    octets(salt), static_cast<int>(salt.size()), iterations,
                                    EVP_sha256(), out.size(), out.data()) == 1);
  return out;
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  CONSENTRY_CHECK(
      RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) == 1);
  return out;
}

std::uint64_t random_u64() {
  std::uint64_t n = 0;
  const auto bytes = random_bytes(sizeof n);
  std::memcpy(&n, bytes.data(), sizeof n);
  return n;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

secret_text::secret_text(secret_text&& other) noexcept : text_{std::move(other.text_)} {
  OPENSSL_cleanse(other.text_.data(), other.text_.size());
  other.text_.clear();
}

secret_text& secret_text::operator=(secret_text&& other) noexcept {
  text_.swap(other.text_);
  return *this;
}

secret_text::~secret_text() {
  OPENSSL_cleanse(text_.data(), text_.size());
}

namespace {

// Root reads what is others', so as to check settings for them.
bool is_somebody_elses(const struct stat& info) noexcept {
  return info.st_uid != ::geteuid() && ::geteuid() != 0;
}

failure errno_failure(const std::filesystem::path& file) {
  return file_failure(failure_kind::io, file, std::strerror(errno));
}

result<void> sync_folder(const std::filesystem::path& folder) {
  const descriptor fd{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) != 0) return errno_failure(folder);
  return {};
}

std::filesystem::path parent_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path{"."};
}

result<void> write_synced(const std::filesystem::path& file, std::string_view content) {
  const descriptor fd{
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!fd) return errno_failure(file);
  for (auto left = content; !left.empty();) {
    const auto n = ::write(fd.get(), left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_failure(file);
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd.get()) != 0) return errno_failure(file);
  return {};
}

}  // namespace

result<secret_text> read_key_file(const std::filesystem::path& file) {
  // Not blocking: somebody may have put a pipe there.
  const descriptor fd{::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (!fd && errno == ELOOP)
    return file_failure(failure_kind::invalid, file,
                        "a symbolic link; the key itself has to stand here");
  if (!fd)
    return file_failure(errno == ENOENT ? failure_kind::not_found : failure_kind::io, file,
                        std::strerror(errno));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return errno_failure(file);
  if (!S_ISREG(info.st_mode)) return file_failure(failure_kind::invalid, file, "no plain file");
  if ((info.st_mode & 077) != 0)
    return file_failure(failure_kind::invalid, file, "others can read this key; chmod 0600 it");
  if (is_somebody_elses(info))
    return file_failure(failure_kind::invalid, file, "belongs to another user; chown it");
  constexpr std::size_t bytes_max = 64 << 10;
  if (info.st_size < 0 || static_cast<std::size_t>(info.st_size) > bytes_max)
    return file_failure(failure_kind::invalid, file, "larger than 64 KiB");
  std::string content(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t got = 0;
  while (got < content.size()) {
    const auto n = ::read(fd.get(), content.data() + got, content.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return file_failure(failure_kind::io, file, n < 0 ? std::strerror(errno) : "became shorter");
    got += static_cast<std::size_t>(n);
  }
  return secret_text{std::move(content)};
}

result<void> create_key_file(const std::filesystem::path& file, std::string_view content) {
  struct stat info{};
  if (::lstat(file.c_str(), &info) == 0)
    return file_failure(failure_kind::conflict, file, std::strerror(EEXIST));
  return replace_key_file(file, content);
}

result<void> replace_key_file(const std::filesystem::path& file, std::string_view content) {
  auto half_made = file;
  half_made += ".new";
  ::unlink(half_made.c_str());  // a crash's
  if (auto written = write_synced(half_made, content); !written) return written;
  if (::rename(half_made.c_str(), file.c_str()) != 0) return errno_failure(file);
  return sync_folder(parent_of(file));
}

result<void> remove_key_file(const std::filesystem::path& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) return errno_failure(file);
  return sync_folder(parent_of(file));
}

result<void> create_key_folder(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) == 0) return sync_folder(parent_of(folder));
  if (errno == EEXIST) return {};
  if (errno != ENOENT || !folder.has_parent_path() || folder.parent_path() == folder)
    return errno_failure(folder);
  if (auto above = create_key_folder(folder.parent_path()); !above) return above;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return errno_failure(folder);
  return sync_folder(parent_of(folder));
}

result<void> check_key_folder(const std::filesystem::path& folder) {
  struct stat info{};
  if (::lstat(folder.c_str(), &info) != 0)
    return file_failure(errno == ENOENT ? failure_kind::not_found : failure_kind::io, folder,
                        std::strerror(errno));
  if (S_ISLNK(info.st_mode))
    return file_failure(failure_kind::invalid, folder,
                        "a symbolic link; the folder itself has to stand here");
  if (!S_ISDIR(info.st_mode)) return file_failure(failure_kind::invalid, folder, "no folder");
  if ((info.st_mode & 077) != 0)
    return file_failure(failure_kind::invalid, folder,
                        "others can look into this folder of keys; chmod 0700 it");
  if (is_somebody_elses(info))
    return file_failure(failure_kind::invalid, folder, "belongs to another user; chown it");
  return {};
}

}  // namespace consentry
