// OpenSSL 3 calls its low-level hashes deprecated; its EVP_MD_CTX takes two allocations and a
// look-up of the algorithm, longer than a header takes to hash.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include "base/running_sha256.h"

namespace consentry {

running_sha256::running_sha256() {
  SHA256_Init(&state_);
}

void running_sha256::add(std::string_view bytes) {
  SHA256_Update(&state_, bytes.data(), bytes.size());
}

digest256 running_sha256::result() const {
  auto state = state_;
  digest256 out;
  SHA256_Final(out.data(), &state);
  return out;
}

}  // namespace consentry
