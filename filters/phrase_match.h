// From hits of single words to hits of whole phrases. The engine seeks plain strings only; edges,
// endings and distances are checked here, in Unicode (RULES F4, F6).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/pattern_words.h"

namespace consentry::filters {

inline constexpr std::size_t tail_letters_max = 12;  // after "stem~"
inline constexpr std::size_t head_letters_max = 24;  // before "~stem"
inline constexpr std::size_t separator_octets_max = 6;
inline constexpr std::size_t gap_octets_max = 64;      // ".."
inline constexpr std::size_t unedged_letters_min = 7;  // single words in links

struct text_range {
  std::size_t begin = 0;
  std::size_t end = 0;
  friend bool operator==(const text_range&, const text_range&) = default;
};

struct compiled_word {
  std::string text;
  bool has_open_head = false;
  word_tail tail = word_tail::none;
  bool is_letters = true;  // and nothing else
  std::size_t rare = 0;    // its octet that texts have least
  double frequency = 0;    // expected_per_million()
};
struct compiled_segment {
  bool after_gap = false;
  std::vector<std::vector<compiled_word>> choices;
};
struct compiled_phrase {
  std::vector<compiled_segment> segments;
  std::string language;
  bool is_single = false;        // one word, or a choice of single words
  std::size_t words = 0;         // of all choices: what a search costs
  std::size_t reach = 0;         // octets: no hit is longer
  std::size_t reach_before = 0;  // ... up to the end of an anchor
  std::size_t rarest = 0;        // the segment whose words the search asks for
};

// One of a phrase's words.
struct anchor_word {
  std::uint16_t segment = 0;
  std::uint16_t choice = 0;
  std::uint16_t word = 0;
  friend bool operator==(const anchor_word&, const anchor_word&) = default;
};

// A text of a view, and what is sought in it.
struct searched_text {
  std::string_view seen;    // for edges and endings
  std::string_view sought;  // octet for octet the same place; view 3: l written as i
  int view = 2;
  bool is_link = false;  // single words of seven letters and more need no edges
  // Of view 3, ascending: where words may begin or end between letters; and, unless these are no
  // places, the only ones that hits are wanted of, [begin, end].
  std::span<const std::size_t> soft_edges = {};
  std::span<const std::pair<std::size_t, std::size_t>> changed = {};

  bool has_soft_edge(std::size_t at) const noexcept {
    return !soft_edges.empty() && std::binary_search(soft_edges.begin(), soft_edges.end(), at);
  }
  bool is_wanted(std::size_t begin, std::size_t end) const noexcept {
    if (changed.empty()) return true;
    // The first that ends at `begin` or behind it.
    const auto at = std::lower_bound(changed.begin(), changed.end(), begin,
                                     [](const auto& c, std::size_t b) { return c.second < b; });
    return at != changed.end() && at->first <= end;
  }
};

// Works out the rest of a phrase whose segments are made; letters of that view.
void measure(compiled_phrase& phrase, int view);
// One for each choice of the rarest segment: its rarest word. A phrase has no hit without one of
// these. Most texts hit few, so most phrases cost nothing.
std::vector<anchor_word> anchors_of(const compiled_phrase& phrase);
// The same of the segment that is the rarest but one; none if there is but one.
std::vector<anchor_word> second_anchors_of(const compiled_phrase& phrase);
std::vector<anchor_word> all_words_of(const compiled_phrase& phrase);

// What a hit of one of anchors_of(), ending at `end`, says: puts into `places` where the phrase
// stands, from the anchor's choice on; empty: it does not. False where the phrase has segments
// before that one, which are to be looked for.
bool match_anchor(const compiled_phrase& phrase, anchor_word anchor, const searched_text& text,
                  std::size_t end, std::vector<text_range>& places);

// Every place of the phrase that lies within the range, by end.
std::vector<text_range> match_phrase(const compiled_phrase& phrase, const searched_text& text,
                                     text_range within);

// Whether a word ends on both sides of the range, as expressions must.
bool has_word_edges(std::string_view text, int view, text_range range);

}  // namespace consentry::filters
