#include "smtp/token.h"

#include <catch2/catch.hpp>
#include <set>

#include "base/text.h"

namespace consentry::smtp {
namespace {

const token_key old_key{1, std::string(16, 'a') + std::string(16, 'b')};
const token_key new_key{7, std::string(16, 'c') + std::string(16, 'd')};
constexpr token_purpose purposes[] = {token_purpose::return_path, token_purpose::message_id,
                                      token_purpose::unsubscribe, token_purpose::feedback};

std::string upper(std::string s) {
  for (char& c : s)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return s;
}

}  // namespace

TEST_CASE("a token leads back to its recipient, whatever mail systems did to its case") {
  const token_ring ring{{old_key, new_key}};
  for (std::uint64_t n : {std::uint64_t{1}, std::uint64_t{123456789}, ~std::uint64_t{0}}) {
    for (auto purpose : purposes) {
      const auto token = ring.make({n}, purpose);
      CHECK(token.size() == 40);
      CHECK(token == ascii_lower(token));
      CHECK(ring.read(token, purpose) == recipient_id{n});
      CHECK(ring.read(upper(token), purpose) == recipient_id{n});
    }
  }
}

TEST_CASE("a token made for one place is not taken in another") {
  const token_ring ring{{new_key}};
  for (auto made : purposes)
    for (auto read : purposes)
      CHECK(ring.read(ring.make({42}, made), read).has_value() == (made == read));
}

TEST_CASE("tokens of an old key stay readable while the key is kept") {
  const auto token = token_ring{{old_key}}.make({42}, token_purpose::return_path);
  CHECK(token_ring{{old_key, new_key}}.read(token, token_purpose::return_path) == recipient_id{42});
  CHECK_FALSE(token_ring{{new_key}}.read(token, token_purpose::return_path));
  const token_key same_number{1, std::string(32, 'x')};
  CHECK_FALSE(token_ring{{same_number}}.read(token, token_purpose::return_path));
}

TEST_CASE("a token with any character changed is refused") {
  const token_ring ring{{new_key}};
  const auto token = ring.make({42}, token_purpose::message_id);
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto forged = token;
    forged[i] = forged[i] == 'a' ? 'b' : 'a';
    CHECK_FALSE(ring.read(forged, token_purpose::message_id));
  }
  for (const std::string& s :
       {std::string{}, token.substr(1), token + "a", std::string(40, '='), std::string(40, 'a')})
    CHECK_FALSE(ring.read(s, token_purpose::message_id));
}

TEST_CASE("neighbouring recipients get tokens that share nothing but the key number") {
  const token_ring ring{{new_key}};
  std::set<std::string> seen;
  for (std::uint64_t n = 1; n <= 100; ++n)
    seen.insert(ring.make({n}, token_purpose::return_path).substr(2, 12));
  CHECK(seen.size() == 100);
}

}  // namespace consentry::smtp
