#include "base/prepared_hmac.h"

#include <catch2/catch.hpp>

using namespace consentry;

TEST_CASE("a prepared HMAC gives what the plain one gives, for keys and texts of any length") {
  for (const std::size_t key_bytes : {0u, 1u, 32u, 63u, 64u, 65u, 200u}) {
    const auto key = random_bytes(key_bytes);
    const prepared_hmac prepared{key};
    for (std::size_t n = 0; n < 200; n += 13) {
      const auto text = random_bytes(n);
      CHECK(prepared(text) == hmac_sha256(key, text));
    }
  }
}
