// What was found in the paragraphs of one message already. Mail says the same twice, in plain text
// and in HTML; the second time nothing is searched but what is new.
//
// Sound because no hit of words reaches beyond a blank line (phrase_match.h); a database with
// expressions that might does without (view_search::is_by_paragraphs).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "filters/view_hit.h"

namespace consentry::filters {

// Of one message and one database; one thread.
class paragraph_memo {
 public:
  // A piece of a text of view 2: a paragraph without its end, or several that are new.
  struct piece {
    std::size_t begin = 0;
    std::size_t end = 0;
    const std::vector<view_hit>* known = nullptr;  // hits, by offsets in the piece
  };
  // The paragraphs that are worth remembering, and what is new between them, in order.
  std::vector<piece> split(std::string_view seen) const;
  // Remembers the paragraphs of a piece that was searched; hits by offsets in `seen`, sorted by
  // begin.
  void learn(std::string_view seen, const piece& searched, const std::vector<view_hit>& hits);

 private:
  std::unordered_map<std::string, std::vector<view_hit>> known_;
};

}  // namespace consentry::filters
