// From the engine's hits of single words to hits of whole phrases. The engine seeks plain strings
// only; edges, endings and distances are checked here, in Unicode (RULES F4, F6).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "filters/pattern_words.h"

namespace consentry::filters {

inline constexpr std::size_t tail_letters_max = 12;  // after "stem~"
inline constexpr std::size_t head_letters_max = 24;  // before "~stem"
inline constexpr std::size_t separator_octets_max = 6;
inline constexpr std::size_t gap_octets_max = 64;  // ".."

struct text_range {
  std::size_t begin = 0;
  std::size_t end = 0;
  friend bool operator==(const text_range&, const text_range&) = default;
};

// Where each of the engine's strings ended in one text, by string; ascending.
class string_hits {
 public:
  struct raw {
    std::uint32_t string;
    std::uint32_t end;
  };
  string_hits(std::size_t string_count, const std::vector<raw>& hits);
  std::span<const std::uint32_t> of(std::uint32_t string) const noexcept {
    return {ends_.data() + starts_[string], ends_.data() + starts_[string + 1]};
  }

 private:
  std::vector<std::uint32_t> starts_;
  std::vector<std::uint32_t> ends_;
};

// A phrase whose words are the engine's strings.
struct compiled_word {
  std::uint32_t string = 0;
  std::uint32_t octets = 0;
  bool has_open_head = false;
  word_tail tail = word_tail::none;
};
struct compiled_segment {
  bool after_gap = false;
  std::vector<std::vector<compiled_word>> choices;
};
struct compiled_phrase {
  std::vector<compiled_segment> segments;
  std::string language;
  bool is_single = false;
};

// Every place of the phrase in a text of that view, by end. In links, single words of seven letters
// and more need no edges.
std::vector<text_range> match_phrase(const compiled_phrase& phrase, const string_hits& hits,
                                     std::string_view text, int view, bool is_link);

// Whether a word ends on both sides of the range, as expressions must.
bool has_word_edges(std::string_view text, int view, text_range range);

}  // namespace consentry::filters
