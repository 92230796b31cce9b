// The notation of pattern files: what it means, and what it refuses with file and line.
#include <catch2/catch.hpp>
#include <utility>

#include "base/result.h"
#include "filters/pattern_database.h"

using namespace consentry;
using namespace consentry::filters;

namespace {

pattern_database database_of(const std::string& pattern_lines, const std::string& language = "hu") {
  pattern_set set;
  set.files.push_back(parse_pattern_file("language = \"" + language +
                                             "\"\ncategory = \"S3\"\n[[pattern]]\nid = \"x\"\n"
                                             "weight = 5\nmust_match = [\"x\"]\n"
                                             "must_not_match = [\"x\"]\n" +
                                             pattern_lines,
                                         "p.toml"));
  return pattern_database{std::move(set)};
}

bool hits(const pattern_database& d, std::string_view text, zone where = zone::body) {
  bool complete = true;
  return !d.search(text, where, complete).empty();
}

std::string error_of(const std::string& toml) {
  try {
    pattern_set set;
    set.files.push_back(parse_pattern_file(toml, "p.toml"));
    const pattern_database d{std::move(set)};
  } catch (const configuration_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("words, endings, stems and compounds") {
  struct row {
    const char* words;
    const char* yes;
    const char* no;
  };
  const row rows[] = {
      {"kaszinó", "a KASZINO!", "kaszinóban"},
      {"munka+", "munkáért", "munkatárs"},
      {"munka+", "munkáinkban", "munkahely"},
      {"hitel+", "hitellel", "hiteles"},
      {"hitel~", "hitelesítés", "gyorshitel"},
      {"~hitel+", "gyorshitelekkel", "hitelesség"},
      {"szarv~", "szarvasmarha", "rinoszarvas"},
      {"szar~", "szarban", "szarvas"},  // too short for any ending
      {"olcsó hitel+", "olcsó, hitelt", "olcsó jó hitelt"},
      {"olcsó .. hitel+", "olcsó és gyors hitelt", "olcsó.\n\nA hitel"},
      {"{olcsó,gyors} {hitel,kölcsön}+", "gyors kölcsönt", "gyors kocsi"},
      {"{nagyon jó,remek} {ár}", "nagyon jó ár", "nagyon ár"},
      {"meg{nyer,ver}~", "megnyerte", "nyerte"},
      {"viagra", "viagra100mg", "viagrasz"},
      {"24 óra~", "24 órán belül", "124 óra"},
  };
  for (const row& r : rows) {
    const auto d = database_of("words = [\"" + std::string{r.words} + "\"]");
    INFO(r.words);
    CHECK(hits(d, r.yes));
    CHECK_FALSE(hits(d, r.no));
  }
}

TEST_CASE("view 1 tells accents apart and lengthens final vowels") {
  const auto d = database_of("words = [\"fóka+\"]\nviews = [\"accents\"]");
  CHECK(hits(d, "FÓKA"));
  CHECK(hits(d, "fókát"));
  CHECK(hits(d, "fókáéi"));
  CHECK_FALSE(hits(d, "foka"));
  CHECK_FALSE(hits(d, "fókafőző"));
  CHECK_FALSE(hits(d, "aranyfóka"));
}

TEST_CASE("English endings") {
  const auto d = database_of("words = [\"casino+\"]", "en");
  CHECK(hits(d, "casinos"));
  CHECK(hits(d, "the casino's"));
  CHECK_FALSE(hits(d, "casinoland"));
}

TEST_CASE("allow pieces cancel what they cover, and only that") {
  const auto d = database_of("words = [\"~cialis~\"]\nallow = [\"~szociális~\", \"specialis~\"]");
  CHECK(hits(d, "cialis"));
  CHECK_FALSE(hits(d, "antiszociális"));
  CHECK_FALSE(hits(d, "specialista"));
  CHECK(hits(d, "specialista cialis"));
}

TEST_CASE("expressions need edges, zones restrict, links need none") {
  const auto d = database_of("expressions = [\"k[ao]szin[oó]\"]\nzones = [\"subject\"]");
  CHECK(hits(d, "koszino", zone::subject));
  CHECK_FALSE(hits(d, "koszino", zone::body));
  CHECK_FALSE(hits(d, "koszinok", zone::subject));
  const auto words = database_of("words = [\"kaszinó\"]");
  CHECK(hits(words, "https://onlinekaszino24.example", zone::link));
  CHECK_FALSE(hits(words, "onlinekaszino24", zone::body));
}

TEST_CASE("long texts are searched in windows that overlap") {
  const auto d = database_of("words = [\"olcsó .. hitel+\"]");
  for (std::size_t before : {0u, 262'100u, 262'130u, 262'143u, 262'144u, 500'000u, 1'000'000u}) {
    std::string text;
    while (text.size() < before) text += "szó ";
    const std::size_t at = text.size();
    text += "olcsó és gyors hitelt most";
    while (text.size() < 1'200'000) text += " szó";
    bool complete = true;
    const auto found = d.search(text, zone::body, complete);
    INFO(before);
    REQUIRE_FALSE(found.empty());
    CHECK(found.front().begin == at);
    CHECK(text.substr(found.front().begin, found.front().end - found.front().begin) ==
          "olcsó és gyors hitelt");
    CHECK(complete);
  }
}

TEST_CASE("floods of hits end, and are reported as not complete or found") {
  const auto d = database_of("words = [\"a .. b~\", \"~c~\"]");
  std::string flood;
  while (flood.size() < 600'000) flood += "a b c ";
  bool complete = true;
  CHECK_FALSE(d.search(flood, zone::body, complete).empty());
}

TEST_CASE("errors name file and line") {
  const std::string head = "language = \"hu\"\ncategory = \"S3\"\n";
  const std::string pattern = head +
                              "[[pattern]]\nid = \"x\"\nweight = 5\nmust_match = [\"x\"]\n"
                              "must_not_match = [\"y\"]\n";
  const std::pair<std::string, const char*> cases[] = {
      {"language = \"xx\"\n", "p.toml:1: language"},
      {"language = \"hu\"\ncategory = \"S9\"\n", "p.toml:2: category"},
      {head + "typo = 1\n", "p.toml:3: "},
      {pattern + "words = [\"a\"]\ntypo = 1\n", "p.toml:9: "},
      {pattern, "p.toml:4: a pattern needs words"},
      {pattern + "words = [\"a  b\"]\n", "p.toml:8: \"a  b\": more than one blank"},
      {pattern + "words = [\"a~b\"]\n", "p.toml:8: \"a~b\": ~ and + stand only"},
      {pattern + "words = [\"{a,b\"]\n", "p.toml:8: \"{a,b\": { without }"},
      {pattern + "words = [\"a ..\"]\n", "p.toml:8: \"a ..\": .. stands only"},
      {pattern + "words = [\"a\"]\nzones = [\"foot\"]\n", "p.toml:9: unknown zone"},
      {pattern + "words = [\"a\"]\nviews = [\"4\"]\n", "p.toml:9: unknown view"},
      {pattern + "words = [\"a\"]\nrequires = [\"nobody\"]\n", "no pattern is in the group nobody"},
      {pattern + "expressions = [\"(?=a)b\"]\n", "p.toml:8: hu.S3.x: "},
      {pattern + "words = [\"a\"]\n[[pattern]]\nid = \"x\"\n", "p.toml:10: "},
      {head + "[[pattern]]\nid = \"x\"\nwords = [\"a\"]\n", "p.toml:4: a pattern needs a weight"},
      {head + "[[pattern]]\nid = \"x\"\nweight = 3\nwords = [\"a\"]\n", "must_match needs"},
      {"[[", "p.toml:1"},
  };
  for (const auto& [toml, expected] : cases) {
    INFO(toml);
    CHECK_THAT(error_of(toml), Catch::Contains(expected));
  }
}

TEST_CASE("samples that fail are named") {
  pattern_set set;
  set.files.push_back(parse_pattern_file(
      "language = \"hu\"\ncategory = \"S3\"\n[[pattern]]\nid = \"x\"\nweight = 5\n"
      "words = [\"alma\"]\nmust_match = [\"alma\", \"körte\"]\nmust_not_match = [\"alma\"]\n",
      "p.toml"));
  const auto failed = failed_samples(pattern_database{std::move(set)});
  REQUIRE(failed.size() == 2);
  CHECK(failed[0].text == "hu.S3.x does not match \"körte\"");
  CHECK(failed[0].line == 7);
  CHECK(failed[0].column == 23);
  CHECK(failed[1].text == "hu.S3.x matches \"alma\"");
  CHECK(failed[1].line == 8);
}
