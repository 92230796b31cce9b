// Offsets lead back to the characters they came from, whatever a text holds.
#include <catch2/catch.hpp>
#include <random>
#include <utility>
#include <vector>

#include "base/text.h"
#include "filters/text_view.h"

using namespace consentry;
using namespace consentry::filters;

TEST_CASE("an offset map follows copies, changes and gaps") {
  offset_map m;
  m.append(5, 0, 5);   // hello
  m.append(1, 5, 2);   // á -> a
  m.append(3, 7, 3);   // copy
  m.append(2, 15, 2);  // after a gap of five
  m.append(4, 17, 1);  // one became four
  CHECK(m.original(0, 5) == std::pair<std::size_t, std::size_t>{0, 5});
  CHECK(m.original(4, 7) == std::pair<std::size_t, std::size_t>{4, 8});
  CHECK(m.original(5, 6) == std::pair<std::size_t, std::size_t>{5, 7});
  CHECK(m.original(8, 9) == std::pair<std::size_t, std::size_t>{9, 10});
  CHECK(m.original(8, 10) == std::pair<std::size_t, std::size_t>{9, 16});
  CHECK(m.original(12, 13) == std::pair<std::size_t, std::size_t>{17, 18});
  CHECK(m.original(11, 99) == std::pair<std::size_t, std::size_t>{17, 18});
  CHECK(offset_map{}.original(3, 4) == std::pair<std::size_t, std::size_t>{0, 0});
}

namespace {

std::string random_text(std::mt19937& random) {
  const std::vector<std::string> pieces = {
      "a",  "Z",      "7",      " ",      "\n",      "\r\n",    ".",      "-",
      "á",  "Ő",      "ű",      "õ",      "ﬁ",       "İ",       "ß",      "е",
      "Ω",  "中",     "🅰",      "\u200b", "\u00ad",  "e\u0301", "\u0301", "a\u0300\u0316",
      "€",  "１",     "x",      "v1agra", "s z e x", "Ã¡",      "Ĺ‘",     "ﷺ",
      "😀", "\u2028", "\u00a0", "|",      "!",       "@"};
  std::string out;
  std::uniform_int_distribution<std::size_t> pick{0, pieces.size() - 1};
  std::uniform_int_distribution<int> count{0, 60};
  for (int n = count(random); n > 0; --n) out += pieces[pick(random)];
  return out;
}

bool at_character(std::string_view s, std::size_t at) {
  return at == s.size() || (static_cast<unsigned char>(s[at]) & 0xC0) != 0x80;
}

}  // namespace

TEST_CASE("every range of every view lies in the original, in order, on whole characters") {
  std::mt19937 random{20250303};
  for (int round = 0; round < 2'000; ++round) {
    const std::string original = random_text(random);
    const text_views views = text_views::of(original);
    for (int view = 1; view <= view_count; ++view) {
      const std::string_view seen = views.text(view);
      REQUIRE(is_valid_utf8(seen));
      if (view > 1) REQUIRE(is_ascii(seen));
      std::size_t last = 0;
      for (std::size_t i = 0; i < seen.size(); ++i) {
        if (!at_character(seen, i)) continue;
        std::size_t end = i + 1;
        while (!at_character(seen, end)) ++end;
        const auto [from, to] = views.original(view, i, end);
        INFO(printable(original) << " view " << view << " at " << i);
        REQUIRE(from < to);
        REQUIRE(to <= original.size());
        REQUIRE(from >= last);
        // ß is as long as the ss it becomes, € as long as its eur: an end may lie inside of those.
        if (std::string_view{"seur"}.find(seen[i]) == std::string_view::npos) {
          REQUIRE(at_character(original, from));
          REQUIRE(at_character(original, to));
        }
        last = from;
      }
    }
  }
}
