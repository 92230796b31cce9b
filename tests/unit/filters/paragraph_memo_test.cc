// What is said twice in a message is searched once and found twice.
#include "filters/paragraph_memo.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "filters/pattern_database.h"
#include "tests/unit/filters/shipped.h"

using namespace consentry::filters;

namespace {

bool are_same(const std::vector<hit>& a, const std::vector<hit>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const hit& x, const hit& y) {
    return x.pattern == y.pattern && x.view == y.view && x.begin == y.begin && x.end == y.end;
  });
}

// What the shipped patterns promise to hit, and not to.
std::vector<std::string> sentences() {
  std::vector<std::string> out;
  for (const auto& p : consentry::tests::shipped_patterns().patterns()) {
    for (const auto& s : p.must_match) out.push_back(s.text);
    for (const auto& s : p.must_not_match) out.push_back(s.text);
  }
  return out;
}

pattern_database database_with(const std::string& expression) {
  pattern_set set;
  set.files.push_back(
      parse_pattern_file("language = \"en\"\ncategory = \"S3\"\n[[pattern]]\nid = \"x\"\nweight = "
                         "5\nexpressions = ['" +
                             expression + "']\nmust_match = [\"x\"]\nmust_not_match = [\"y\"]\n",
                         "p.toml"));
  return pattern_database{std::move(set)};
}

}  // namespace

TEST_CASE("with and without the memo the same is hit at the same places") {
  const auto& database = consentry::tests::shipped_patterns();
  const auto known = sentences();
  std::mt19937 random{11};  // NOLINT(cert-msc51-cpp): the same texts in each run
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  std::size_t hits = 0;
  for (int round = 0; round < 60; ++round) {
    // Paragraphs of some sentences, from a few that come again and again.
    std::vector<std::string> paragraphs;
    for (int n = 0; n < 12; ++n) {
      std::string p;
      for (auto k = 1 + pick(4); k > 0; --k)
        p += known[pick(known.size())] + (pick(3) == 0 ? "\n" : " ");
      paragraphs.push_back(p);
    }
    paragraph_memo memo;
    for (int part = 0; part < 3; ++part) {
      std::string text;
      for (auto n = 1 + pick(10); n > 0; --n)
        text += paragraphs[pick(paragraphs.size())] + (pick(8) == 0   ? " "
                                                       : pick(2) == 0 ? "\n\n"
                                                                      : "\r\n\r\n \r\n");
      bool complete = true;
      const auto alone = database.search(text, zone::body, complete);
      const auto with = database.search(text, zone::body, complete, &memo);
      REQUIRE(complete);
      REQUIRE(are_same(alone, with));
      hits += alone.size();
    }
  }
  CHECK(hits > 3000);
}

TEST_CASE("no expression of the shipped patterns keeps paragraphs from being remembered") {
  const std::string text = "the quick brown fox jumps\n\nover the lazy dog of 2026";
  paragraph_memo memo;
  bool complete = true;
  (void)consentry::tests::shipped_patterns().search(text, zone::body, complete, &memo);
  const auto pieces = memo.split("over the lazy dog of 2026");
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].known != nullptr);
  const auto across = database_with("won[^\\n]{0,9}money[^\\n]{0,9}now.");
  paragraph_memo other;
  (void)across.search(text, zone::body, complete, &other);
  CHECK(other.split("over the lazy dog of 2026")[0].known != nullptr);
}

TEST_CASE("a paragraph that is known is not searched again") {
  paragraph_memo memo;
  const std::string known(60, 'a'), other(60, 'b');
  const auto text = known + "\n" + other;
  const auto first = memo.split(text);
  REQUIRE(first.size() == 1);
  memo.learn(text, first[0], {});
  const auto next = known + "\nshort\n" + other + "\nnew";
  const auto again = memo.split(next);
  REQUIRE(again.size() == 4);
  CHECK(again[0].known != nullptr);
  CHECK(again[1].known == nullptr);
  CHECK(next.substr(again[1].begin, again[1].end - again[1].begin) == "\nshort\n");
  CHECK(again[2].known != nullptr);
  CHECK(next.substr(again[3].begin, again[3].end - again[3].begin) == "\nnew");
}

TEST_CASE("an expression that may reach beyond a paragraph is sought in whole texts") {
  const std::string first = "this is a paragraph of quite some length which ends with alma";
  const std::string second = "korte begins another one that has about the same length as the first";
  for (const char* expression :
       {R"(alma\s+korte)", R"(alma[^x]korte)", R"(alma\W{1,4}korte)", R"(alma\nkorte)"}) {
    const auto d = database_with(expression);
    paragraph_memo memo;
    bool complete = true;
    INFO(expression);
    CHECK(d.search(first, zone::body, complete, &memo).empty());
    CHECK(d.search(second, zone::body, complete, &memo).empty());
    CHECK(d.search(first + "\n\n" + second, zone::body, complete, &memo).size() ==
          d.search(first + "\n\n" + second, zone::body, complete).size());
    CHECK(d.search(first + "\n\n" + second, zone::body, complete, &memo).size() == 1);
  }
}
