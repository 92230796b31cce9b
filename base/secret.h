// Hashes, keys and randomness, on OpenSSL. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace consentry {

using digest256 = std::array<unsigned char, 32>;

digest256 sha256(std::string_view bytes);
digest256 hmac_sha256(std::string_view key, std::string_view bytes);
// RFC 8018 PBKDF2 with HMAC-SHA-256, 32 bytes (SCRAM's Hi, RFC 5802).
digest256 pbkdf2_sha256(std::string_view password, std::string_view salt, int iterations);
inline std::string_view as_bytes(const digest256& d) noexcept {
  return {reinterpret_cast<const char*>(d.data()), d.size()};
}

// From the operating system's generator; aborts if it has none.
std::string random_bytes(std::size_t count);
std::uint64_t random_u64();

// Takes the same time wherever they differ (the lengths are not secret).
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

// Text that is wiped when it dies and never printed by accident.
class secret_text {
 public:
  secret_text() = default;
  explicit secret_text(std::string s) : text_{std::move(s)} {}
  secret_text(secret_text&& other) noexcept;
  secret_text& operator=(secret_text&& other) noexcept;
  secret_text(const secret_text&) = delete;
  secret_text& operator=(const secret_text&) = delete;
  ~secret_text();
  const std::string& reveal() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }

 private:
  std::string text_;
};

// Reads a key file that only its owner may read (mode & 077 == 0), at most 64 KiB. invalid: wrong
// mode, somebody else's, a symbolic link or no plain file; not_found.
result<secret_text> read_key_file(const std::filesystem::path& file);
// Creates it with mode 0600, whole or not at all, and syncs file and folder. conflict: exists
// already. One at a time for a file.
result<void> create_key_file(const std::filesystem::path& file, std::string_view content);
// Puts it in the place of what was there, if anything, the same way.
result<void> replace_key_file(const std::filesystem::path& file, std::string_view content);
// Removes it and syncs its folder; fine if it is not there.
result<void> remove_key_file(const std::filesystem::path& file);

// Creates the folder, and those above it that lack, for the owner only, and syncs their names.
result<void> create_key_folder(const std::filesystem::path& folder);
// invalid: a symbolic link, or others than its owner may enter, list or change it.
result<void> check_key_folder(const std::filesystem::path& folder);

}  // namespace consentry
