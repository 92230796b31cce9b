// The notation of words in pattern files (pattern_file.h), made ready for the engine.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::filters {

inline constexpr std::size_t tail_letters_max = 12;  // after "stem~"
inline constexpr std::size_t head_letters_max = 24;  // before "~stem"

enum class word_tail { none, inflected, open };

// What the engine seeks, and what our own code checks at its edges.
struct word_expression {
  std::string expression;        // in the alphabet of the view
  std::size_t fixed_octets = 0;  // length of every match; 0: it varies
  bool has_open_head = false;
  word_tail tail = word_tail::none;
  bool is_single = false;  // one word, no phrase
};

// {a,b} alternatives multiplied out. Throws std::invalid_argument for unbalanced braces or more
// than 500 results.
std::vector<std::string> expand_alternatives(std::string_view words);

// Throws std::invalid_argument, saying what is wrong.
word_expression compile_words(std::string_view words, int view);

// Whether the letters (ascii_folded) that follow `stem` are usual endings: Hungarian plural,
// possessive and case, -val/-vel with its doubled consonant; English -s, -ed, -ing, -er.
bool is_inflection(std::string_view language, std::string_view stem, std::string_view ending);

}  // namespace consentry::filters
