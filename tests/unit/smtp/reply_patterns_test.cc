#include "smtp/reply_patterns.h"

#include <catch2/catch.hpp>

using namespace consentry::smtp;

TEST_CASE("patterns on replies: all that match, in any case, however long the text") {
  reply_patterns p;
  CHECK(p.matches("421 4.7.28 x").empty());
  REQUIRE(p.add(R"(4\.7\.28)").value() == 0);
  REQUIRE(p.add("too many connections").value() == 1);
  REQUIRE(p.add("^5.. .*(spam|blocked)").value() == 2);
  REQUIRE(p.compile());
  CHECK(p.matches("421 4.7.28 Too MANY connections") == std::vector<int>{0, 1});
  CHECK(p.matches("550 5.7.1 you are BLOCKED\xff") == std::vector<int>{2});
  CHECK(p.matches("250 ok").empty());
  CHECK(p.matches(std::string(1 << 20, 'a') + "4.7.28").empty());  // cut
}

TEST_CASE("a pattern on replies that is none is refused with its reason, and the rest stays") {
  reply_patterns p;
  const auto bad = p.add("(4.7");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().public_text.find("missing") != std::string::npos);
  CHECK_FALSE(p.add(R"((a)\1)"));  // linear time: no back references
  REQUIRE(p.add("later").value() == 0);
  REQUIRE(p.compile());
  CHECK(p.matches("451 LATER") == std::vector<int>{0});
}

TEST_CASE("a reply is one line for patterns") {
  CHECK(text_for_patterns({.code = 421, .enhanced = {4, 7, 28}, .text = "first\nsecond"}) ==
        "421 4.7.28 first second");
}
