// The three views of a text in which forbidden words are sought (RULES F1-F3). Each is linear to
// make, and leads back to the original octets.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/offset_map.h"
#include "filters/spelled_words.h"

namespace consentry::filters {

// View 1: NFKC, case folded, default-ignorables removed, white space runs shortened; accents kept.
//
// View 2: as 1, and folded to ASCII: accents dropped (õ û like ő ű), look-alikes of other scripts
// as the Latin letter they resemble; other letters are letter_placeholder, other signs
// sign_placeholder.
//
// View 3: as 2, leet read as letters (v1agra), spelled-out words joined (s z e x, s.z.e.x), tripled
// letters made single. 1 and ! are read as i; patterns of view 3 take i for l as well, and are
// sought with their double letters made single too.
inline constexpr int view_count = 3;
inline constexpr char letter_placeholder = '\x1a';
inline constexpr char sign_placeholder = '\x1c';

class text_views {
 public:
  // Of valid UTF-8 (others are made valid first). Mojibake of Hungarian letters (UTF-8 read as
  // windows-1250 or -1252) is read as what it was. Without accents view 1 is empty. Any thread.
  static text_views of(std::string_view original, bool with_accents = true);

  // view is 1, 2 or 3.
  std::string_view text(int view) const noexcept;
  // The ranges of view 3 that are not as they stand in view 2, ascending.
  const std::vector<std::pair<std::size_t, std::size_t>>& changed() const noexcept {
    return collapsed_.changed;
  }
  // Places in view 3 that a word may begin or end at, though letters stand on both sides.
  const std::vector<std::size_t>& soft_edges() const noexcept { return collapsed_.soft_edges; }
  // Octets of the original for a range of that view.
  std::pair<std::size_t, std::size_t> original(int view, std::size_t begin,
                                               std::size_t end) const noexcept;

 private:
  mapped_text accents_;
  mapped_text folded_;
  joined_words collapsed_;  // maps to folded_
};

// A word as it stands in view 1 or 2 (no white space shortening): what patterns are written with.
std::string case_folded(std::string_view word);
std::string ascii_folded(std::string_view word);

// ASCII letters and the placeholder; for view 1 any letter or mark (code point).
constexpr bool is_folded_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || c == letter_placeholder;
}
bool is_letter(char32_t c) noexcept;

}  // namespace consentry::filters
