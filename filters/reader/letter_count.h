// How much of a text is letters.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace consentry::filters::reader {

// In UTF-8; each character beyond ASCII counts as one.
inline std::size_t count_letters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return (u | 0x20u) - 'a' < 26u || u >= 0xC0;
  }));
}

}  // namespace consentry::filters::reader
