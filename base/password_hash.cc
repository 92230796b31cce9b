#include "base/password_hash.h"

#include <argon2.h>

#include <new>

#include "base/check.h"
#include "base/secret.h"

namespace consentry {

namespace {

constexpr std::size_t salt_bytes = 16, hash_bytes = 32;

}  // namespace

std::string hash_password(std::string_view password, password_cost cost) {
  const auto salt = random_bytes(salt_bytes);
  std::string out(argon2_encodedlen(cost.passes, cost.memory_kib, cost.lanes, salt_bytes,
                                    hash_bytes, Argon2_id),
                  '\0');
  const int done = argon2id_hash_encoded(cost.passes, cost.memory_kib, cost.lanes, password.data(),
                                         password.size(), salt.data(), salt.size(), hash_bytes,
                                         out.data(), out.size());
  if (done == ARGON2_MEMORY_ALLOCATION_ERROR) throw std::bad_alloc{};
  CONSENTRY_CHECK(done == ARGON2_OK);
  out.resize(out.find('\0'));
  return out;
}

bool is_password(std::string_view password, const std::string& hashed) {
  return argon2id_verify(hashed.c_str(), password.data(), password.size()) == ARGON2_OK;
}

}  // namespace consentry
