// The engine against a slow, obvious matcher: no Hyperscan, no index, no windows; every word sought
// by std::string::find, every pair of words tried.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/strict_toml.h"
#include "filters/pattern_words.h"
#include "filters/phrase_match.h"
#include "tests/unit/filters/shipped.h"

using namespace consentry;
using namespace consentry::filters;
using namespace consentry::tests;

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
char at(std::string_view text, std::size_t i) {
  return i < text.size() ? text[i] : ' ';
}

bool is_edge(std::string_view text, std::size_t i) {
  if (i == 0 || i >= text.size()) return true;
  return !(is_folded_letter(text[i - 1]) && is_folded_letter(text[i])) &&
         !(is_digit(text[i - 1]) && is_digit(text[i]));
}

// The places of one word, widened as its marks say.
std::vector<text_range> places(const phrase_word& w, const std::string& language,
                               std::string_view text) {
  std::vector<text_range> out;
  const std::string& literal = w.text;
  for (auto i = text.find(literal); i != std::string_view::npos; i = text.find(literal, i + 1)) {
    std::size_t begin = i;
    std::size_t end = i + literal.size();
    while (w.has_open_head && begin > 0 && i - begin < head_letters_max &&
           is_folded_letter(text[begin - 1])) {
      --begin;
    }
    const std::size_t stem_end = end;
    while (w.tail != word_tail::none && end - stem_end < tail_letters_max &&
           is_folded_letter(at(text, end))) {
      ++end;
    }
    if (!is_edge(text, begin) || !is_edge(text, end)) continue;
    // Short stems take real endings only.
    const bool needs_ending =
        w.tail == word_tail::inflected || (w.tail == word_tail::open && literal.size() < 5);
    if (needs_ending && !is_inflection(language, literal, text.substr(stem_end, end - stem_end))) {
      continue;
    }
    out.push_back({begin, end});
  }
  return out;
}

bool joins(std::string_view text, std::size_t end, std::size_t begin, bool is_gap) {
  if (begin <= end || begin - end > (is_gap ? gap_octets_max : separator_octets_max)) return false;
  for (std::size_t i = end; i < begin; ++i) {
    if (text[i] == '\n') return false;
    if (!is_gap && (is_folded_letter(text[i]) || is_digit(text[i]))) return false;
  }
  return true;
}

std::vector<text_range> all_places(const pattern_piece& piece, const std::string& language,
                                   std::string_view text) {
  const phrase p = parse_phrase(piece.text, 2);
  std::vector<text_range> before;
  for (std::size_t s = 0; s < p.segments.size(); ++s) {
    std::vector<text_range> here;
    for (const auto& choice : p.segments[s].choices) {
      std::vector<text_range> chain = before;
      for (std::size_t k = 0; k < choice.size(); ++k) {
        std::vector<text_range> next;
        for (const text_range& word : places(choice[k], language, text)) {
          if (s == 0 && k == 0) {
            next.push_back(word);
            continue;
          }
          std::optional<std::size_t> begin;
          for (const text_range& b : chain) {
            if (!joins(text, b.end, word.begin, k == 0 && p.segments[s].after_gap)) continue;
            if (!begin || b.begin > *begin) begin = b.begin;
          }
          if (begin) next.push_back({*begin, word.end});
        }
        chain = next;
      }
      here.insert(here.end(), chain.begin(), chain.end());
    }
    before = here;
  }
  return before;
}

bool is_hit_slowly(const pattern& p, std::string_view text) {
  std::vector<text_range> hits;
  std::vector<text_range> allowed;
  for (const bool is_allow : {false, true}) {
    for (const pattern_piece& piece : is_allow ? p.allow : p.pieces) {
      for (const text_range& r : all_places(piece, p.language, text)) {
        (is_allow ? allowed : hits).push_back(r);
      }
    }
    if (hits.empty()) return false;
  }
  return std::any_of(hits.begin(), hits.end(), [&](const text_range& h) {
    return std::none_of(allowed.begin(), allowed.end(),
                        [&](const text_range& a) { return a.begin <= h.begin && h.end <= a.end; });
  });
}

std::vector<std::string> sample_texts() {
  std::vector<std::string> out;
  for (const char* name : {"forbidden_hu", "forbidden_hu_2", "clean_hu", "clean_hu_2",
                           "forbidden_en", "forbidden_en_2", "clean_en", "clean_en_2"}) {
    auto t =
        toml_section::from_file(std::filesystem::path{CONSENTRY_SOURCE_DIR} / "tests" / "unit" /
                                "filters" / "samples" / (std::string{name} + ".toml"));
    // Several in one, for hits across their edges, and to make fewer of them.
    std::string text;
    for (auto& m : t.sections("mail")) {
      text += m.required_text("subject") + ". " + m.required_text("text") + "\n\n";
      if (text.size() > 4'000) out.push_back(std::exchange(text, ""));
    }
    out.push_back(text);
  }
  return out;
}

}  // namespace

TEST_CASE("the engine and a slow matcher hit the same patterns") {
  const auto& patterns = shipped_patterns().patterns();
  std::size_t compared = 0;
  std::size_t hit = 0;
  for (const std::string& text : sample_texts()) {
    const text_views views = text_views::of(text);
    const std::string_view folded = views.text(2);
    std::set<std::uint32_t> fast;
    bool complete = true;
    for (const auto& h : shipped_patterns().search(text, zone::body, complete)) {
      if (h.view == 2) fast.insert(h.pattern);
    }
    CHECK(complete);
    for (std::uint32_t n = 0; n < patterns.size(); ++n) {
      const pattern& p = patterns[n];
      if (std::any_of(p.pieces.begin(), p.pieces.end(), [](auto& x) { return x.is_expression; })) {
        continue;
      }
      ++compared;
      hit += fast.contains(n) ? 1 : 0;
      INFO(p.id << " in " << text.substr(0, 80));
      REQUIRE(is_hit_slowly(p, folded) == fast.contains(n));
    }
  }
  WARN(compared << " compared, " << hit << " hits");
  CHECK(hit > 300);
}
