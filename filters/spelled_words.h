// View 3 out of view 2 (text_view.h): words that were taken apart or written in leet.
#pragma once

#include <string_view>

#include "filters/offset_map.h"

namespace consentry::filters {

// folded is view 2; the map leads to it. Linear.
mapped_text join_spelled_words(std::string_view folded);

}  // namespace consentry::filters
