// Text out of HTML, with the way back to the source octets.
#pragma once

#include <string_view>

#include "filters/offset_map.h"

namespace consentry::filters {

// Text that stands nowhere in the source (separators).
void append_unmapped(mapped_text& out, std::string_view text);

// An attribute's value: the whole for the whole. Never runs backwards.
void append_clamped(mapped_text& out, std::string_view text, std::size_t begin, std::size_t end);

// A text node: decoded out of raw, which begins at `offset` in the source (entities decoded, line
// ends changed, ignored tags inside). White space runs become one blank. Linear.
void append_aligned(mapped_text& out, std::string_view decoded, std::string_view raw,
                    std::size_t offset);

// The same for a raw text that needs no decoding, and has no carriage return but before a line
// feed.
void append_plain(mapped_text& out, std::string_view raw, std::size_t offset);

}  // namespace consentry::filters
