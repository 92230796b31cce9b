// The shipped patterns: they compile, in time, and say of their own samples what they promise.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>

#include "filters/pattern_database.h"
#include "tests/unit/filters/shipped.h"

using namespace consentry::filters;

TEST_CASE("the shipped patterns compile in seconds and pass their own samples") {
  const auto begin = std::chrono::steady_clock::now();
  const pattern_database database{load_patterns(consentry::tests::pattern_folder())};
  const auto spent = std::chrono::steady_clock::now() - begin;
  WARN("compiled " << database.patterns().size() << " patterns in "
                   << std::chrono::duration_cast<std::chrono::milliseconds>(spent).count()
                   << " ms");
  for (const auto& s : failed_samples(database))
    FAIL_CHECK(s.file << ":" << s.line << ": " << s.text);
}

TEST_CASE("every category is there in both languages") {
  const pattern_database& database = consentry::tests::shipped_patterns();
  for (const char* language : {"hu", "en"}) {
    for (const char* category : {"H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8", "S1", "S2", "S3",
                                 "S4", "S5", "S6", "S7"}) {
      const auto& all = database.patterns();
      CHECK(std::count_if(all.begin(), all.end(), [&](const pattern& p) {
              return p.language == language && p.category == category && p.weight > 0;
            }) >= 2);
    }
  }
}

TEST_CASE("a text of nothing but hits is given up early") {
  std::string text;
  while (text.size() < 20'000'000) text += "kurva bazmeg kaszino bonusz\n";
  bool complete = true;
  const auto begin = std::chrono::steady_clock::now();
  const auto hits = consentry::tests::shipped_patterns().search(text, zone::body, complete);
  WARN(hits.size() << " hits in "
                   << std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::steady_clock::now() - begin)
                          .count()
                   << " ms");
  CHECK_FALSE(complete);
  CHECK(hits.size() < 500'000);
  REQUIRE_FALSE(hits.empty());
  CHECK(hits.back().end < 2'000'000);  // it went no further
}
