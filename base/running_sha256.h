// SHA-256 over what comes in pieces. A copy goes on from where the original is: what several texts
// begin with is hashed once.
#pragma once

#include <openssl/sha.h>

#include <string_view>

#include "base/secret.h"

namespace consentry {

class running_sha256 {
 public:
  running_sha256();
  void add(std::string_view bytes);
  digest256 result() const;  // over all so far; more may be added

 private:
  SHA256_CTX state_;
};

}  // namespace consentry
