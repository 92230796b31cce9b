// The notation of words in pattern files (pattern_file.h), taken apart for the search.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::filters {

enum class word_tail { none, inflected, open };

// One word in the alphabet of a view: the part that is written out, and how it may go on.
struct phrase_word {
  std::string text;            // view 3: l written as i
  bool has_open_head = false;  // "~stem": at most 24 letters before it
  word_tail tail = word_tail::none;
};

struct phrase_segment {
  bool after_gap = false;                         // ".." stands before it
  std::vector<std::vector<phrase_word>> choices;  // {a,b c}: each is one word or several
};

struct phrase {
  std::vector<phrase_segment> segments;
  bool is_single = false;  // one word
};

// Throws std::invalid_argument, saying what is wrong.
phrase parse_phrase(std::string_view words, int view);

// Whether the letters (ascii_folded) that follow `stem` are usual endings: Hungarian plural,
// possessive and case, -val/-vel with its doubled consonant; English -s, -ed, -ing, -er.
bool is_inflection(std::string_view language, std::string_view stem, std::string_view ending);

}  // namespace consentry::filters
