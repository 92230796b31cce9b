// Word edges, which the engine cannot check in Unicode (docs/decisions/pattern-files.md).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "filters/pattern_words.h"

namespace consentry::filters {

// The match [begin, end) in a text of that view, widened to the head and tail that the words
// allow; nullopt where its edges are no edges of a word. In links, single words of seven letters
// and more need no edges.
std::optional<std::pair<std::size_t, std::size_t>> word_edges(std::string_view text, int view,
                                                              const word_expression& words,
                                                              std::string_view language,
                                                              std::size_t begin, std::size_t end,
                                                              bool is_link);

// Expressions: an edge at both ends, nothing widened.
std::optional<std::pair<std::size_t, std::size_t>> plain_edges(std::string_view text, int view,
                                                               std::size_t begin, std::size_t end);

}  // namespace consentry::filters
