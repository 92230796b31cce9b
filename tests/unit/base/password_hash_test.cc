#include "base/password_hash.h"

#include <catch2/catch.hpp>

using namespace consentry;

namespace {

constexpr password_cost cheap{.memory_kib = 64, .passes = 1, .lanes = 1};

}  // namespace

TEST_CASE("a password is known by its hash, and nothing else is") {
  const auto hashed = hash_password("correct horse", cheap);
  CHECK(hashed.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
  CHECK(hashed.find("correct") == std::string::npos);
  CHECK(is_password("correct horse", hashed));
  for (const char* wrong : {"", "correct hors", "correct horse ", "Correct horse"})
    CHECK_FALSE(is_password(wrong, hashed));
  CHECK(hash_password("correct horse", cheap) != hashed);  // another salt
}

TEST_CASE("what is no hash is nobody's password") {
  for (const char* text :
       {"", "$argon2id$", "plain", "$argon2id$v=19$m=64,t=1,p=1$AAAA$", "$2b$10$x"})
    CHECK_FALSE(is_password("x", text));
}

// RFC 9106 names the parameters that stand as default.
TEST_CASE("by default a hash takes 64 MiB and three passes") {
  CHECK(hash_password("x").starts_with("$argon2id$v=19$m=65536,t=3,p=1$"));
}
