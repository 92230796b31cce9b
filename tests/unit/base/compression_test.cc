#include "base/compression.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"

using namespace consentry;

TEST_CASE("a packed text comes back, smaller than it was") {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "Kedves Olvas\xc3\xb3, " + std::to_string(i) + "\r\n";
  const auto p = packed(text);
  CHECK(p.size() < text.size() / 3);
  CHECK(unpacked(p, text.size()) == text);
  CHECK(unpacked(packed("x"), 100) == "x");
}

TEST_CASE("what is no packed text, or too much of it, is refused") {
  const auto p = packed(std::string(100'000, 'a'));
  CHECK_THROWS_AS(unpacked(p, 99'999), decode_error);
  CHECK_THROWS_AS(unpacked(p.substr(0, p.size() / 2), 100'000), decode_error);
  CHECK_THROWS_AS(unpacked("no such thing", 100), decode_error);
  CHECK_THROWS_AS(unpacked("", 100), decode_error);
}
