// Text as it is drawn where it is made to run against the order of its letters: by <bdo dir=rtl>,
// floats and their like in HTML, by U+202E anywhere.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "filters/offset_map.h"

namespace consentry::filters {

// Whether some sign in it turns what follows.
bool turns_itself(std::string_view text) noexcept;

// All of the text, with these ranges [begin, end) of it, and what such signs enclose, turned round
// line by line. `map` leads from the text to its original (nullptr: they are the same), that of the
// result too. Linear, but for the look-ups in the map.
mapped_text as_drawn(std::string_view text, const offset_map* map,
                     std::span<const std::pair<std::size_t, std::size_t>> turned = {});

}  // namespace consentry::filters
