// View 3 out of view 2 (text_view.h): words that were taken apart or written in leet.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "filters/offset_map.h"

namespace consentry::filters {

struct joined_words : mapped_text {
  // What is not as it was in view 2, ascending: [begin, end) of the text here, changes that lie
  // near each other as one.
  std::vector<std::pair<std::size_t, std::size_t>> changed;
  // Places inside of spelled-out words where one of a single letter may end or begin: "a s z e x"
  // and "s z e x a". Ascending.
  std::vector<std::size_t> soft_edges;
};

// folded is view 2; the map leads to it. Linear.
joined_words join_spelled_words(std::string_view folded);

}  // namespace consentry::filters
