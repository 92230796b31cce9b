// HMAC-SHA-256 (RFC 2104) with the key's two hash states worked out once: for many short texts
// under one key.
#pragma once

#include <openssl/sha.h>

#include <span>
#include <string_view>

#include "base/secret.h"

namespace consentry {

// Any thread may ask; wiped when it dies. Gives what hmac_sha256() gives.
class prepared_hmac {
 public:
  explicit prepared_hmac(std::string_view key);
  ~prepared_hmac();
  prepared_hmac(const prepared_hmac&) = delete;
  prepared_hmac& operator=(const prepared_hmac&) = delete;

  digest256 operator()(std::string_view bytes) const;

 private:
  SHA256_CTX inner_;
  SHA256_CTX outer_;
};

// Fills with bytes from the operating system's generator; for many small ones drawn together.
void fill_random(std::span<char> out);

}  // namespace consentry
