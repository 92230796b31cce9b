// Hungarian letters whose UTF-8 was read as windows-1250, windows-1252 or Latin-1, once or twice
// (RULES F2).
#pragma once

#include <cstddef>
#include <string_view>

namespace consentry::filters {

struct misread {
  char32_t value = 0;      // the letter that was meant
  std::size_t octets = 0;  // that stand for it; 0: none does
};

// text is valid UTF-8, at a character's begin. Any thread.
misread misread_letter(std::string_view text, std::size_t at);

// Whether such a letter may begin with that character.
bool may_lead_mojibake(char32_t c) noexcept;

}  // namespace consentry::filters
