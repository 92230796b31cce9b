// The slow, obvious matcher that judges the engine: no Hyperscan, no index, no windows; every word
// sought by std::string::find, every pair of words tried.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "filters/pattern_file.h"
#include "filters/pattern_words.h"
#include "filters/phrase_match.h"

namespace consentry::tests {

// A text of one view.
struct slow_text {
  std::string_view seen;
  int view = 2;
  std::vector<std::size_t> soft_edges;  // of view 3
};

struct slow_pattern {
  struct piece {
    filters::phrase words;
    bool is_allow = false;
  };
  std::string language;
  std::vector<piece> pieces;
  bool has_expressions = false;  // these are not judged
};

slow_pattern slow_pattern_of(const filters::pattern& p, int view);
// The hits that no allow piece covers.
std::vector<filters::text_range> hits_slowly(const slow_pattern& p, const slow_text& text);

}  // namespace consentry::tests
