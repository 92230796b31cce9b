#include "smtp/plain_address.h"

#include <catch2/catch.hpp>
#include <random>

#include "smtp/address.h"

using namespace consentry;
using namespace consentry::smtp;

TEST_CASE("the fast way to an address key agrees with the slow one wherever it answers") {
  std::string key;
  for (const char* plain : {"jane@example.hu", "Jane.Doe+x@Mail.Example.HU", "o'hara@b-c.de",
                            "a@xn--kszer-fsa.hu", "1@2.example"}) {
    INFO(plain);
    REQUIRE(plain_address_key(plain, key));
    CHECK(key == mailbox::parse(plain)->key());
  }
  // Random texts of what an address is made of, good and bad.
  std::mt19937 random{7};
  const std::string_view bytes = "aZ9.-+_@@\"\\ [:]\t,(xy";
  int answered = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n) text += bytes[random() % bytes.size()];
    if (random() % 3 == 0) text += "@b" + std::string(random() % 70, 'c') + ".hu";
    if (!plain_address_key(text, key)) continue;
    ++answered;
    INFO(text);
    const auto slow = mailbox::parse(text);
    REQUIRE(slow.has_value());
    REQUIRE(slow->key() == key);
  }
  CHECK(answered > 1000);
}
