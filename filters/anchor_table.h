// The words that the search asks for, and what must stand around each for a phrase to stand there:
// laid out so that nearly all that the text says is dismissed by a look at one place of memory.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/phrase_match.h"

namespace consentry::filters {

// A phrase that a word belongs to.
struct word_user {
  std::uint32_t phrase = 0;
  anchor_word word;
  bool is_anchor = false;  // of the phrase; the others are asked for where a text changed only
};

struct asked_word {
  std::string_view text;
  bool may_begin_inside = false;  // of a word: some phrase has "~" before it
  bool may_end_inside = false;    // of a word: some phrase lets it go on
  bool is_free_in_links = false;  // some phrase asks for no edges there
};

// set_phrases(), add() each word, finish(); then any thread may read.
class anchor_table {
 public:
  // The phrases come by number and outlive the table.
  void set_phrases(std::vector<const compiled_phrase*> phrases);
  // The word's id: 0, 1, 2 .. Words that stand beside one another here are near in memory, too.
  std::uint32_t add(const asked_word& word, const std::vector<word_user>& users, int view);
  void finish() { edges_ = {}; }

 private:
  friend class anchor_hits;
  enum class ending : std::uint8_t { none, hungarian, english, open };
  // By bits: which letters, or figures, may stand there (bit_of() in anchor_table.cc).
  static constexpr std::uint32_t anything = UINT32_MAX;
  // Looked at first, apart from the rest: a common word has hundreds.
  struct neighbours {
    std::uint32_t before = anything;  // the octet before it, but for signs between words
    std::uint32_t after = anything;
  };
  struct anchor {
    std::uint32_t phrase = 0;
    anchor_word word;
    ending tail = ending::none;
    bool has_open_head : 1 = false;
    bool is_alone : 1 = false;  // the phrase is that word and nothing else
    bool is_anchor : 1 = false;
  };
  static_assert(sizeof(anchor) == 12);
  struct entry {
    std::uint32_t first_anchor = 0;
    std::uint32_t end_anchor = 0;
    std::uint16_t octets = 0;
    bool needs_begin : 1 = false;  // an edge of a word there
    bool needs_end : 1 = false;
    bool needs_edges_in_links : 1 = false;
  };
  anchor anchor_of(const word_user& user) const;
  neighbours neighbours_of(const word_user& user, int view) const;
  // Of each phrase's segments: what letters it may begin and end with.
  struct letter_bits {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
  };
  std::vector<std::vector<letter_bits>> edges_;  // while words are added

  std::vector<const compiled_phrase*> phrases_;
  // Of each phrase two segments, its anchors' and the rarest other: the letter_sieve places of the
  // first and last letters of their words, and where they begin in the list. A segment with a word
  // of fewer letters has none.
  std::vector<std::uint32_t> first_place_;
  std::vector<std::pair<std::uint16_t, std::uint16_t>> places_;
  void add_places(const std::vector<anchor_word>& words, const compiled_phrase& p);
  std::vector<entry> words_;
  std::vector<anchor> anchors_;
  std::vector<neighbours> neighbours_;  // of each anchor
};

// Which sequences of four octets a text may hold.
class letter_sieve {
 public:
  static constexpr std::size_t octets = 4;
  static std::uint16_t place_of(const char* four) noexcept;
  explicit letter_sieve(std::string_view text);
  bool may_hold(std::uint16_t place) const noexcept { return held_[place]; }

 private:
  std::bitset<65'536> held_;
};

// What the words that were found in one text say of phrases.
class anchor_hits {
 public:
  using phrase_place = std::pair<std::uint32_t, text_range>;

  // Both outlive it.
  anchor_hits(const anchor_table& table, const searched_text& text) : table_{table}, text_{text} {}

  // The word of that id stands before `end`; in any order. False: these are too many to weigh.
  bool take(std::uint32_t id, std::size_t end);

  // Phrases that stand there, and those that may: with the end of a word of theirs.
  const std::vector<phrase_place>& whole() const noexcept { return whole_; }
  const std::vector<std::pair<std::uint32_t, std::uint32_t>>& begun() const noexcept {
    return begun_;
  }
  // By phrase, for begun().
  void sort();

 private:
  struct surroundings;
  bool is_inside_word(std::size_t at) const;
  surroundings look_around(std::size_t begin, std::size_t end) const;
  bool may_stand(const anchor_table::anchor& a, surroundings& here) const;
  void match(const anchor_table::anchor& a, std::size_t end);
  bool may_hold(std::uint32_t phrase, unsigned segment);

  const anchor_table& table_;
  const searched_text& text_;
  std::vector<phrase_place> whole_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> begun_;
  std::vector<text_range> places_;
  std::size_t words_tried_ = 0;
  std::optional<letter_sieve> sieve_;
};

}  // namespace consentry::filters
