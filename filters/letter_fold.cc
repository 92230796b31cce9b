#include "filters/letter_fold.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/uspoof.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "filters/text_view.h"

namespace consentry::filters {
namespace {

// Look-alikes that neither decomposition nor the skeletons of UTS 39 lead to a Latin letter: lower
// case letters that only their capitals resemble, and Latin letters with a stroke.
constexpr std::pair<char32_t, std::string_view> own_folds[] = {
    {U'ß', "ss"}, {U'æ', "ae"},  {U'œ', "oe"},  {U'ø', "o"}, {U'đ', "d"}, {U'ł', "l"}, {U'ı', "i"},
    {U'ð', "d"},  {U'ħ', "h"},   {U'ŧ', "t"},   {U'в', "b"}, {U'н', "h"}, {U'к', "k"}, {U'м', "m"},
    {U'т', "t"},  {U'и', "u"},   {U'п', "n"},   {U'з', "3"}, {U'α', "a"}, {U'β', "b"}, {U'ε', "e"},
    {U'η', "n"},  {U'κ', "k"},   {U'μ', "u"},   {U'τ', "t"}, {U'υ', "u"}, {U'ω', "w"}, {U'χ', "x"},
    {U'ʙ', "b"},  {U'ᴛ', "t"},   {U'ĸ', "k"},   {U'ʜ', "h"}, {U'ʍ', "m"}, {U'ɡ', "g"}, {U'ɛ', "e"},
    {U'ɩ', "i"},  {U'ɪ', "i"},   {U'ʟ', "l"},   {U'ɴ', "n"}, {U'ʀ', "r"}, {U'ʏ', "y"}, {U'ᴀ', "a"},
    {U'ᴄ', "c"},  {U'ᴅ', "d"},   {U'ᴇ', "e"},   {U'ᴊ', "j"}, {U'ᴋ', "k"}, {U'ᴍ', "m"}, {U'ᴏ', "o"},
    {U'ᴘ', "p"},  {U'ᴜ', "u"},   {U'ᴠ', "v"},   {U'ᴡ', "w"}, {U'ᴢ', "z"}, {U'ɢ', "g"}, {U'ꜰ', "f"},
    {U'ꜱ', "s"},  {U'€', "eur"}, {U'£', "gbp"}, {U'ᗩ', "a"}, {U'ᑕ', "c"}, {U'ᗴ', "e"}, {U'ᑎ', "n"},
    {U'ᑫ', "q"},  {U'ᔕ', "s"},   {U'ᗯ', "w"},   {U'ᘔ', "z"}, {U'᙭', "x"}, {U'⍺', "a"}, {U'℮', "e"},
    {U'⍳', "i"},  {U'∣', "l"},   {U'⍴', "p"},   {U'⊤', "t"}, {U'∪', "u"}, {U'⋃', "u"}, {U'∨', "v"},
    {U'⋁', "v"}};

const icu::Normalizer2& casefold_normalizer() {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* n = icu::Normalizer2::getNFKCCasefoldInstance(status);
  CONSENTRY_CHECK(U_SUCCESS(status));
  return *n;
}

const icu::Normalizer2& decomposer() {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* n = icu::Normalizer2::getNFDInstance(status);
  CONSENTRY_CHECK(U_SUCCESS(status));
  return *n;
}

const USpoofChecker* spoof_checker() {
  static const USpoofChecker* const checker = [] {
    UErrorCode status = U_ZERO_ERROR;
    USpoofChecker* c = uspoof_open(&status);
    CONSENTRY_CHECK(U_SUCCESS(status));
    return c;
  }();
  return checker;
}

bool is_mark(UChar32 c) {
  return (U_MASK(u_charType(c)) & (U_GC_MN_MASK | U_GC_ME_MASK)) != 0;
}

// Scripts with letters that resemble Latin ones; asking for the skeleton of every Chinese character
// would only cost time.
bool may_resemble_latin(char32_t c) {
  return c < 0x600 || (c >= 0x10A0 && c < 0x1100) || (c >= 0x13A0 && c < 0x1700) ||
         (c >= 0x1D00 && c < 0x2000) || (c >= 0x2100 && c < 0x2190) ||
         (c >= 0x2C60 && c < 0x2E00) || (c >= 0xA4D0 && c < 0xA500) ||
         (c >= 0xA640 && c < 0xA800) || (c >= 0xAB30 && c < 0xABC0) ||
         (c >= 0x10280 && c < 0x10530) || (c >= 0x118A0 && c < 0x11900) ||
         (c >= 0x16F00 && c < 0x16FA0) || (c >= 0x1D400 && c < 0x1D800);
}

// ASCII letters the code point looks like, or nothing.
std::string skeleton(char32_t c) {
  if (!may_resemble_latin(c) || !u_isalpha(static_cast<UChar32>(c))) return {};
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString to;
  uspoof_getSkeletonUnicodeString(spoof_checker(), 0, icu::UnicodeString{static_cast<UChar32>(c)},
                                  to, &status);
  if (U_FAILURE(status)) return {};
  std::string out;
  for (int i = 0; i < to.length(); ++i) {
    if (to[i] > 0x7f || !u_isalpha(to[i])) return {};
    out += static_cast<char>(u_tolower(to[i]));
  }
  if (out == "rn") return "m";  // the skeleton of m itself
  // Capital I and small l share a skeleton.
  if (out == "l" && u_isupper(static_cast<UChar32>(c))) return "i";
  return out;
}

std::string_view own_fold(char32_t c) {
  for (const auto& [from, to] : own_folds) {
    if (from == c) return to;
  }
  return {};
}

std::string fold_one(char32_t original, char32_t c) {
  if (c < 0x80) return std::string(1, static_cast<char>(c));
  // A capital looks like what it looks like: the Greek M, not the m that resembles a u.
  if (original != c) {
    if (auto s = skeleton(original); !s.empty()) return s;
  }
  if (const auto own = own_fold(c); !own.empty()) return std::string{own};
  if (u_isUWhiteSpace(static_cast<UChar32>(c))) return " ";
  if (const auto digit = u_charDigitValue(static_cast<UChar32>(c)); digit >= 0) {
    return std::string(1, static_cast<char>('0' + digit));
  }
  if (auto s = skeleton(c); !s.empty()) return s;
  return std::string(1, u_isalpha(static_cast<UChar32>(c)) ? letter_placeholder : sign_placeholder);
}

// Letters in signs that have no compatibility decomposition: negative circled and squared.
char32_t plain_letter(char32_t c) {
  if (c >= 0x1F150 && c <= 0x1F169) return U'a' + (c - 0x1F150);
  if (c >= 0x1F170 && c <= 0x1F189) return U'a' + (c - 0x1F170);
  return c;
}

letter_fold make_fold(char32_t given) {
  const char32_t c = plain_letter(given);
  letter_fold out;
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString folded =
      casefold_normalizer().normalize(icu::UnicodeString{static_cast<UChar32>(c)}, status);
  CONSENTRY_CHECK(U_SUCCESS(status));
  std::string accents;
  folded.toUTF8String(accents);
  out.accents = short_text{accents};

  const icu::UnicodeString parts = decomposer().normalize(folded, status);
  CONSENTRY_CHECK(U_SUCCESS(status));
  const bool single = parts.countChar32() == 1;
  std::string ascii;
  for (int i = 0; i < parts.length(); i = parts.moveIndex32(i, 1)) {
    const UChar32 piece = parts.char32At(i);
    if (is_mark(piece)) continue;
    const auto p = static_cast<char32_t>(piece);
    ascii += fold_one(single ? c : p, p);
  }
  out.folded = short_text{ascii};
  return out;
}

constexpr char32_t table_end = 0x580;     // Latin, Greek, Cyrillic
constexpr char32_t signs_begin = 0x1E00;  // Latin with accents, punctuation, currency
constexpr char32_t signs_end = 0x20D0;

}  // namespace

short_text::short_text(std::string_view s) noexcept
    : size_{static_cast<std::uint8_t>(std::min(s.size(), octets_.size()))} {
  // Never half a character.
  while (size_ < s.size() && size_ > 0 && (static_cast<unsigned char>(s[size_]) & 0xC0) == 0x80) {
    --size_;
  }
  std::copy_n(s.begin(), size_, octets_.begin());
}

const letter_fold& common_letter(char32_t c) {
  static const std::vector<letter_fold> letters = [] {
    std::vector<letter_fold> v;
    for (char32_t i = 0; i < table_end; ++i) v.push_back(make_fold(i));
    return v;
  }();
  return letters[c];
}

letter_fold fold_letter(char32_t c) {
  static const std::vector<letter_fold> signs = [] {
    std::vector<letter_fold> v;
    for (char32_t i = signs_begin; i < signs_end; ++i) v.push_back(make_fold(i));
    return v;
  }();
  if (c < table_end) return common_letter(c);
  if (c >= signs_begin && c < signs_end) return signs[c - signs_begin];
  return make_fold(c);
}

}  // namespace consentry::filters
