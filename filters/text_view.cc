#include "filters/text_view.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utf8.h>

#include <optional>
#include <tuple>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "filters/letter_fold.h"
#include "filters/mojibake.h"
#include "filters/spelled_words.h"

namespace consentry::filters {
namespace {

constexpr int cluster_max = 32;  // code points; bounds the sorting of marks, as UAX 15 streams do

struct character {
  char32_t value = 0;
  std::size_t length = 0;
};

character decode(std::string_view s, std::size_t at) {
  std::size_t i = at;
  UChar32 c = 0;
  U8_NEXT(s.data(), i, s.size(), c);
  return {static_cast<char32_t>(c < 0 ? 0xFFFD : c), i - at};
}

// Signs of money for the letters they look like, where letters stand on both sides of them.
char letter_of_money(char32_t c) {
  switch (c) {
    case U'€':
      return 'e';
    case U'£':
      return 'l';
    case U'¢':
      return 'c';
    case U'¥':
      return 'y';
    default:
      return 0;
  }
}

const icu::Normalizer2& normalizer() {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* n = icu::Normalizer2::getNFKCCasefoldInstance(status);
  CONSENTRY_CHECK(U_SUCCESS(status));
  return *n;
}

constexpr bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}
constexpr bool is_ascii_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Latin, Greek, Cyrillic: by code point, whether a letter stands for itself whatever stands before
// it (no mark that joins it).
bool begins_cluster(char32_t c) {
  static const std::vector<bool> common = [] {
    std::vector<bool> v;
    for (UChar32 i = 0; i < 0x580; ++i) v.push_back(normalizer().hasBoundaryBefore(i));
    return v;
  }();
  if (c < common.size()) return common[c];
  return normalizer().hasBoundaryBefore(static_cast<UChar32>(c));
}

// Makes views 1 and 2 side by side.
class folding {
 public:
  // accents may be nullptr.
  folding(std::string_view text, mapped_text* accents, mapped_text& folded)
      : text_{text}, accents_{accents}, folded_{folded} {}

  void run() {
    while (at_ < text_.size()) {
      if (!plain_run() && !plain_letter()) other();
    }
    end_space();
  }

 private:
  // Most of most texts: ASCII, in which blanks stand alone. Octet for octet the same in both views.
  bool plain_run() {
    std::size_t end = at_;
    while (end < text_.size() && is_ascii(text_[end])) {
      if (is_ascii_space(text_[end]) &&
          (end == at_ || end + 1 == text_.size() || !is_ascii(text_[end + 1]) ||
           is_ascii_space(text_[end + 1]))) {
        break;
      }
      ++end;
    }
    if (end > at_ && end < text_.size() && !begins_cluster_at(end)) --end;
    if (end > at_ && is_ascii_space(text_[end - 1])) --end;
    if (end == at_) return false;
    end_space();
    const std::size_t length = end - at_;
    const std::size_t old = folded_.text.size();
    folded_.append(text_.substr(at_, length), at_, length);
    for (char* c = folded_.text.data() + old; c != folded_.text.data() + old + length; ++c) {
      const char lower = static_cast<char>(*c + ((*c >= 'A' && *c <= 'Z') ? 0x20 : 0));
      *c = is_ascii_space(lower) ? ' ' : lower;
    }
    add_accents(std::string_view{folded_.text}.substr(old), at_, length);
    at_ = end;
    return true;
  }

  bool begins_cluster_at(std::size_t at) const {
    return at == text_.size() || is_ascii(text_[at]) || begins_cluster(decode(text_, at).value);
  }

  // A letter beyond ASCII that nothing joins.
  bool plain_letter() {
    if (is_ascii(text_[at_])) return false;
    const character c = decode(text_, at_);
    if (c.value >= 0x580 || c.value < 0xA6 || may_lead_mojibake(c.value) ||
        !begins_cluster_at(at_ + c.length)) {
      return false;
    }
    const letter_fold& letter = common_letter(c.value);
    const std::string_view accents = letter.accents.view();
    const std::string_view folded = letter.folded.view();
    if (!accents.empty() || !folded.empty()) end_space();
    add_accents(accents, at_, c.length);
    folded_.append(folded, at_, c.length);
    at_ += c.length;
    return true;
  }

  void other() {
    if (is_ascii_space(text_[at_])) {
      space(text_[at_] == '\n', 1);
    } else {
      cluster();
    }
  }

  void add_accents(std::string_view piece, std::size_t original, std::size_t length) {
    if (accents_ != nullptr) accents_->append(piece, original, length);
  }

  void space(bool is_line_end, std::size_t length) {
    if (space_count_ == 0) space_begin_ = at_;
    ++space_count_;
    line_ends_ += is_line_end ? 1 : 0;
    at_ += length;
    space_end_ = at_;
  }

  // A blank line ends a paragraph; two blanks stay two, for they end a spelled-out word.
  void end_space() {
    if (space_count_ == 0) return;
    std::string_view shown = " ";
    if (line_ends_ >= 2) {
      shown = "\n";
    } else if (line_ends_ == 0 && space_count_ >= 2) {
      shown = "  ";
    }
    add_accents(shown, space_begin_, space_end_ - space_begin_);
    folded_.append(shown, space_begin_, space_end_ - space_begin_);
    space_count_ = line_ends_ = 0;
  }

  // A character with the marks that follow it.
  void cluster() {
    character first = decode(text_, at_);
    if (u_isUWhiteSpace(static_cast<UChar32>(first.value))) {
      space(first.value == 0x2028 || first.value == 0x85 || first.value == '\n', first.length);
      return;
    }
    std::size_t end = at_ + first.length;
    if (const auto misread = misread_letter(text_, at_); misread.octets != 0) {
      first.value = misread.value;
      end = at_ + misread.octets;
    }
    int members = 1;
    icu::UnicodeString all{static_cast<UChar32>(first.value)};
    std::string ascii{fold_letter(first.value).folded.view()};
    if (const char c = letter_of_money(first.value); c != 0 && stands_in_word(end)) ascii = c;
    while (end < text_.size() && members < cluster_max) {
      const character next = decode(text_, end);
      if (normalizer().hasBoundaryBefore(static_cast<UChar32>(next.value))) break;
      all.append(static_cast<UChar32>(next.value));
      ascii += fold_letter(next.value).folded.view();
      end += next.length;
      ++members;
    }
    std::string shown;
    if (members == 1) {
      shown = fold_letter(first.value).accents.view();
    } else {
      UErrorCode status = U_ZERO_ERROR;
      normalizer().normalize(all, status).toUTF8String(shown);
    }
    if (!shown.empty() || !ascii.empty()) end_space();
    add_accents(shown, at_, end - at_);
    folded_.append(ascii, at_, end - at_);
    at_ = end;
  }

  bool stands_in_word(std::size_t end) const {
    return space_count_ == 0 && !folded_.text.empty() && is_folded_letter(folded_.text.back()) &&
           end < text_.size() &&
           (!is_ascii(text_[end]) || is_folded_letter(static_cast<char>(text_[end] | 0x20)));
  }

  std::string_view text_;
  mapped_text* accents_;
  mapped_text& folded_;
  std::size_t at_ = 0;
  std::size_t space_begin_ = 0;
  std::size_t space_end_ = 0;
  std::size_t space_count_ = 0;
  std::size_t line_ends_ = 0;
};

}  // namespace

text_views text_views::of(std::string_view original, bool with_accents) {
  text_views v;
  std::string repaired;
  if (!is_valid_utf8(original)) {
    // Offsets are then those of the repaired text; part::text is always valid.
    repaired = to_valid_utf8(original);
    original = repaired;
  }
  if (with_accents) v.accents_.text.reserve(original.size());
  v.folded_.text.reserve(original.size());
  folding{original, with_accents ? &v.accents_ : nullptr, v.folded_}.run();
  v.collapsed_ = join_spelled_words(v.folded_.text);
  return v;
}

std::string_view text_views::text(int view) const noexcept {
  return view == 1 ? accents_.text : view == 2 ? folded_.text : collapsed_.text;
}

std::pair<std::size_t, std::size_t> text_views::original(int view, std::size_t begin,
                                                         std::size_t end) const noexcept {
  if (view == 1) return accents_.map.original(begin, end);
  if (view == 3) std::tie(begin, end) = collapsed_.map.original(begin, end);
  return folded_.map.original(begin, end);
}

namespace {

// Letters, figures and a few signs of words stay what they are in all views. Nearly every word of
// the pattern files is made of these and of accented letters.
bool is_folded_already(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '\'' || c == '%';
}
bool is_folded_already(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](char c) { return is_folded_already(c); });
}

// The vowels of Hungarian, of two octets each: 0 if none of these begins there.
char unaccented(std::string_view word, std::size_t at) {
  constexpr std::pair<std::string_view, char> vowels[] = {{"á", 'a'}, {"é", 'e'}, {"í", 'i'},
                                                          {"ó", 'o'}, {"ö", 'o'}, {"ő", 'o'},
                                                          {"ú", 'u'}, {"ü", 'u'}, {"ű", 'u'}};
  for (const auto& [vowel, plain] : vowels)
    if (word.substr(at, 2) == vowel) return plain;
  return 0;
}

}  // namespace

std::string case_folded(std::string_view word) {
  if (is_folded_already(word)) return std::string{word};
  return std::string{text_views::of(word).text(1)};
}
std::string ascii_folded(std::string_view word) {
  std::string out;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (is_folded_already(word[i])) {
      out += word[i];
    } else if (const char plain = unaccented(word, i); plain != 0) {
      out += plain;
      ++i;
    } else {
      return std::string{text_views::of(word, false).text(2)};
    }
  }
  return out;
}

bool is_letter(char32_t c) noexcept {
  const auto type = U_MASK(u_charType(static_cast<UChar32>(c)));
  return (type & (U_GC_L_MASK | U_GC_M_MASK)) != 0;
}

}  // namespace consentry::filters
