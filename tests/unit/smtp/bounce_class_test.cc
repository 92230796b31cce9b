#include "smtp/bounce_class.h"

#include <catch2/catch.hpp>

namespace consentry::smtp {

TEST_CASE("classes have names that are read back, and only a dead address is hard") {
  for (const auto c : all_bounce_classes) {
    CHECK(parse_bounce_class(to_string(c)) == c);
    CHECK(is_hard(c) == (subject_of(c) == "address"));
    CHECK(subject_of(c).empty() == (c == bounce_class::none));
  }
  CHECK_FALSE(parse_bounce_class("no such class"));
}

}  // namespace consentry::smtp
