// One code point in the alphabets of views 1 and 2 (text_view.h).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace consentry::filters {

// A few octets held in place; folding makes no allocations.
class short_text {
 public:
  short_text() = default;
  // Cut at its capacity: no single code point needs more in either view, save a handful of
  // ligatures of whole Arabic phrases.
  explicit short_text(std::string_view s) noexcept;
  std::string_view view() const noexcept { return {octets_.data(), size_}; }

 private:
  std::array<char, 11> octets_{};
  std::uint8_t size_ = 0;
};

struct letter_fold {
  short_text accents;  // NFKC, case folded; valid where no mark follows
  short_text folded;   // ASCII, placeholders included; empty for marks and ignorables
};

// Any thread; the common alphabets come from a table made at first use.
letter_fold fold_letter(char32_t c);
// The same for code points below 0x580: Latin, Greek, Cyrillic.
const letter_fold& common_letter(char32_t c);

}  // namespace consentry::filters
