// How often mails say a word: the search asks for the rarest word of a phrase first.
#pragma once

#include <string_view>

#include "filters/pattern_words.h"

namespace consentry::filters {

// Times in a million words of ordinary mail, Hungarian or English, in the alphabet of view 2 or 3;
// an estimate, never 0. A word that goes on counts with all that it may become. Any thread.
double expected_per_million(std::string_view word, bool has_open_head, word_tail tail);

}  // namespace consentry::filters
