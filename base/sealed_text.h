// Bytes that only the holder of a key can read, and that nobody can change unseen: AES-256-GCM. For
// secrets that leave the machine inside a file that others hold.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace consentry {

// key: 32 bytes. purpose: a constant of the caller's; what was sealed for one opens for no other.
// Gives nonce, cipher text and tag; never the same twice.
std::string seal(std::string_view key, std::string_view purpose, std::string_view secret);
// nullopt: another key or purpose, or changed since.
std::optional<std::string> unseal(std::string_view key, std::string_view purpose,
                                  std::string_view sealed);

// SHA-256 of what comes in pieces. One thread.
class sha256_stream {
 public:
  sha256_stream();
  ~sha256_stream();
  sha256_stream(const sha256_stream&) = delete;
  sha256_stream& operator=(const sha256_stream&) = delete;
  void add(std::string_view bytes);
  digest256 finish();  // once, last

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace consentry
