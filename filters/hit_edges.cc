#include "filters/hit_edges.h"

#include <unicode/utf8.h>

#include <cstdint>

#include "filters/text_view.h"

namespace consentry::filters {
namespace {

constexpr std::size_t unedged_letters_min = 7;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Steps over the text in letters of its view.
class letter_walk {
 public:
  letter_walk(std::string_view text, int view) : text_{text}, is_utf8_{view == 1} {}

  // Octets of the letter that ends at `at`; 0 if none does.
  std::size_t before(std::size_t at) const {
    if (at == 0) return 0;
    if (!is_utf8_) return is_folded_letter(text_[at - 1]) ? 1 : 0;
    auto i = static_cast<std::int32_t>(at);  // windows are far smaller
    const auto* octets = reinterpret_cast<const std::uint8_t*>(text_.data());
    UChar32 c = 0;
    U8_PREV(octets, 0, i, c);
    return c >= 0 && is_letter(static_cast<char32_t>(c)) ? at - static_cast<std::size_t>(i) : 0;
  }

  // Octets of the letter that begins at `at`.
  std::size_t after(std::size_t at) const {
    if (at >= text_.size()) return 0;
    if (!is_utf8_) return is_folded_letter(text_[at]) ? 1 : 0;
    std::size_t i = at;
    UChar32 c = 0;
    U8_NEXT(text_.data(), i, text_.size(), c);
    return c >= 0 && is_letter(static_cast<char32_t>(c)) ? i - at : 0;
  }

  // A word that begins (ends) with a letter ends at anything but a letter; a number at anything
  // but a digit: viagra100mg is viagra.
  bool is_edge_before(std::size_t begin) const {
    if (after(begin) != 0) return before(begin) == 0;
    return !(begin > 0 && is_digit(text_[begin]) && is_digit(text_[begin - 1]));
  }
  bool is_edge_after(std::size_t end) const {
    if (before(end) != 0) return after(end) == 0;
    return !(end < text_.size() && end > 0 && is_digit(text_[end - 1]) && is_digit(text_[end]));
  }

 private:
  std::string_view text_;
  bool is_utf8_;
};

}  // namespace

std::optional<std::pair<std::size_t, std::size_t>> word_edges(std::string_view text, int view,
                                                              const word_expression& words,
                                                              std::string_view language,
                                                              std::size_t begin, std::size_t end,
                                                              bool is_link) {
  if (is_link && words.is_single && end - begin >= unedged_letters_min) return {{begin, end}};
  const letter_walk walk{text, view};
  std::size_t first = begin;
  if (words.has_open_head) {
    for (std::size_t n = 0; n < head_letters_max; ++n) {
      const std::size_t octets = walk.before(first);
      if (octets == 0) break;
      first -= octets;
    }
  }
  if (!walk.is_edge_before(first)) return std::nullopt;
  std::size_t last = end;
  if (words.tail != word_tail::none) {
    for (std::size_t n = 0; n < tail_letters_max; ++n) {
      const std::size_t octets = walk.after(last);
      if (octets == 0) break;
      last += octets;
    }
  }
  if (!walk.is_edge_after(last)) return std::nullopt;
  if (words.tail == word_tail::inflected && last != end) {
    const std::string_view ending = text.substr(end, last - end);
    const std::string_view stem = text.substr(begin, end - begin);
    const bool ok = view == 1 ? is_inflection(language, ascii_folded(stem), ascii_folded(ending))
                              : is_inflection(language, stem, ending);
    if (!ok) return std::nullopt;
  }
  return {{first, last}};
}

std::optional<std::pair<std::size_t, std::size_t>> plain_edges(std::string_view text, int view,
                                                               std::size_t begin, std::size_t end) {
  const letter_walk walk{text, view};
  if (!walk.is_edge_before(begin) || !walk.is_edge_after(end)) return std::nullopt;
  return {{begin, end}};
}

}  // namespace consentry::filters
