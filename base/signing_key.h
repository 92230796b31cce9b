// Signatures that others check with a public key alone: Ed25519 (RFC 8032). The same bytes give the
// same signature.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace consentry {

class signing_key {
 public:
  // seed: 32 bytes, secret.
  explicit signing_key(std::string_view seed);
  ~signing_key();
  signing_key(signing_key&&) noexcept;
  signing_key& operator=(signing_key&&) = delete;

  std::string sign(std::string_view bytes) const;                         // 64 bytes; any thread
  const std::string& public_key() const noexcept { return public_key_; }  // 32 bytes

 private:
  struct state;
  std::unique_ptr<state> state_;
  std::string public_key_;
};

// public_key: 32 bytes, signature: 64; others verify as false.
bool verify_signature(std::string_view public_key, std::string_view bytes,
                      std::string_view signature);

}  // namespace consentry
