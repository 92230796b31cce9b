// RULES F9: depth, ratio, size, number and time are bounded; each bound can be moved.
#include <catch2/catch.hpp>
#include <chrono>

#include "filters/reader/file_text.h"
#include "filters/reader/zip_directory.h"
#include "tests/unit/filters_reader/sample_files.h"

using namespace consentry;
using namespace consentry::filters::reader;
using namespace consentry::tests;

namespace {

std::string why(const std::string& bytes, const read_limits& limits = {}) {
  const auto r = read_file({.type = "", .name = "", .bytes = bytes, .limits = limits});
  std::string out;
  for (const auto& u : r.unreadable) out += u.why + ";";
  return out;
}

std::string nested(int levels) {
  std::string out = zip({{"a.txt", "szöveg"}});
  for (int i = 1; i < levels; ++i) out = zip({{"a.zip", out}});
  return out;
}

void put(std::string& s, std::size_t at, std::uint32_t n) {
  for (int i = 0; i < 4; ++i, n >>= 8) s[at + static_cast<std::size_t>(i)] = static_cast<char>(n);
}

}  // namespace

TEST_CASE("archives nest five deep, or as the knob says") {
  CHECK(why(nested(4)).empty());
  CHECK(why(nested(5)) == "is nested deeper than 5 levels;");
  CHECK(why(nested(40)) == "is nested deeper than 5 levels;");
  CHECK(why(nested(2), {.depth_max = 1}) == "is nested deeper than 1 levels;");
  CHECK(why(nested(8), {.depth_max = 9}).empty());
}

TEST_CASE("an archive unpacks to a hundred times its size, or as the knob says") {
  const auto bomb = zip({{"a.txt", std::string(20u << 20, 'a')}});
  CHECK(why(bomb) == "unpacks to more than 100 times its size;");
  CHECK(why(bomb, {.ratio_max = 5000}).empty());
  CHECK(why(gzip(std::string(20u << 20, 'a'))) == "unpacks to more than 100 times its size;");
  // Small files of much repetition are no bombs.
  CHECK(why(zip({{"a.txt", std::string(900'000, 'a')}})).empty());
}

TEST_CASE("all together is bounded, as the knob says") {
  const auto file =
      zip({{"a.txt", std::string(600'000, 'a')}, {"b.txt", std::string(600'000, 'b')}});
  CHECK(why(file, {.unpacked_max = 1u << 20}) == "holds more than 1.0 MiB;");
  CHECK(why(file, {.ratio_max = 5000, .unpacked_max = 4u << 20}).empty());
}

TEST_CASE("files are counted, as the knob says") {
  std::vector<zip_entry> many;
  for (int i = 0; i < 60'000; ++i) many.push_back({"f" + std::to_string(i), ""});
  CHECK(why(zip(many)) == "holds more than 10000 files;");
  many.resize(300);
  CHECK(why(zip(many), {.entries_max = 299}) == "holds more than 299 files;");
  CHECK(why(zip(many)).empty());
}

TEST_CASE("time is bounded, as the knob says") {
  const auto begin = std::chrono::steady_clock::now();
  CHECK(why(zip({{"a.txt", "x"}}), {.time_ms = 0}) == "takes too long to read;");
  // A page that draws for ever: a form that calls itself by another.
  std::string calls;
  for (int i = 0; i < 2000; ++i) calls += "/A Do /B Do ";
  const auto forms =
      pdf({"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
           "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources 7 0 R>>",
           pdf_stream(calls),
           pdf_stream(calls, "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources 7 0 R"),
           pdf_stream(calls, "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources 7 0 R"),
           "<</XObject<</A 5 0 R/B 6 0 R>>>>"});
  CHECK_THAT(why(forms, {.time_ms = 500}), Catch::Contains(";"));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{20});
}

TEST_CASE("an archive that programs may read in two ways is read in none") {
  const auto good = zip({{"a.txt", "elso"}, {"b.txt", "masodik"}});
  CHECK(distrust_zip(good, 100).empty());
  CHECK(distrust_zip("MZ program" + good, 100) == "has other content before its first entry");
  CHECK(distrust_zip(good + "tail", 100) == "is broken off");
  auto renamed = good;
  renamed[30] = 'x';  // in the local header only
  CHECK(distrust_zip(renamed, 100) == "names a file in two ways");
  // Two entries of one place: the directory of the second leads to the first.
  auto same = zip({{"a.txt", "elso"}, {"a.txt", "elso"}});
  const auto second = same.rfind("PK\x01\x02");
  put(same, second + 42, 0);
  CHECK(distrust_zip(same, 100) == "has entries that overlap");
  CHECK_THAT(why(same), Catch::Contains("has entries that overlap"));
}

TEST_CASE("documents that multiply entities are not read") {
  const std::string bomb =
      "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">"
      "<!ENTITY c \"&b;&b;&b;&b;&b;&b;\">]><x>&c;</x>";
  CHECK_THAT(why(zip({{"[Content_Types].xml", "<Types/>"}, {"word/document.xml", bomb}})),
             Catch::Contains("declares entities of its own"));
}

TEST_CASE("cells that repeat a long string are bounded") {
  std::string cells;
  for (int i = 0; i < 20'000; ++i) cells += "<c t=\"s\"><v>0</v></c>";
  CHECK_THAT(why(xlsx("<si><t>" + std::string(50'000, 'a') + "</t></si>", cells)),
             Catch::Contains("more"));
}
