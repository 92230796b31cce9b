#include "filters/mojibake.h"

#include <unicode/utf8.h>

#include <optional>
#include <unordered_map>
#include <utility>

namespace consentry::filters {
namespace {

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

// What the code pages show for octets that Latin-1 shows otherwise or not at all.
constexpr std::pair<char32_t, unsigned char> shown_by_1252[] = {
    {0x20AC, 0x80}, {0x201A, 0x82}, {0x0192, 0x83}, {0x201E, 0x84}, {0x2026, 0x85}, {0x2020, 0x86},
    {0x2021, 0x87}, {0x02C6, 0x88}, {0x2030, 0x89}, {0x0160, 0x8A}, {0x2039, 0x8B}, {0x0152, 0x8C},
    {0x017D, 0x8E}, {0x2018, 0x91}, {0x2019, 0x92}, {0x201C, 0x93}, {0x201D, 0x94}, {0x2022, 0x95},
    {0x2013, 0x96}, {0x2014, 0x97}, {0x02DC, 0x98}, {0x2122, 0x99}, {0x0161, 0x9A}, {0x203A, 0x9B},
    {0x0153, 0x9C}, {0x017E, 0x9E}, {0x0178, 0x9F}};
constexpr std::pair<char32_t, unsigned char> shown_by_1250[] = {
    {0x20AC, 0x80}, {0x201A, 0x82}, {0x201E, 0x84}, {0x2026, 0x85}, {0x2020, 0x86}, {0x2021, 0x87},
    {0x2030, 0x89}, {0x0160, 0x8A}, {0x2039, 0x8B}, {0x015A, 0x8C}, {0x0164, 0x8D}, {0x017D, 0x8E},
    {0x0179, 0x8F}, {0x2018, 0x91}, {0x2019, 0x92}, {0x201C, 0x93}, {0x201D, 0x94}, {0x2022, 0x95},
    {0x2013, 0x96}, {0x2014, 0x97}, {0x2122, 0x99}, {0x0161, 0x9A}, {0x203A, 0x9B}, {0x015B, 0x9C},
    {0x0165, 0x9D}, {0x017E, 0x9E}, {0x017A, 0x9F}, {0x02C7, 0xA1}, {0x02D8, 0xA2}, {0x0141, 0xA3},
    {0x0104, 0xA5}, {0x015E, 0xAA}, {0x017B, 0xAF}, {0x02DB, 0xB2}, {0x0142, 0xB3}, {0x0105, 0xB9},
    {0x015F, 0xBA}, {0x013D, 0xBC}, {0x02DD, 0xBD}, {0x013E, 0xBE}, {0x017C, 0xBF}, {0x0154, 0xC0},
    {0x0102, 0xC3}, {0x0139, 0xC5}, {0x0106, 0xC6}, {0x010C, 0xC8}, {0x0118, 0xCA}, {0x011A, 0xCC},
    {0x010E, 0xCF}, {0x0110, 0xD0}, {0x0143, 0xD1}, {0x0147, 0xD2}, {0x0150, 0xD5}, {0x0158, 0xD8},
    {0x016E, 0xD9}, {0x0170, 0xDB}, {0x0162, 0xDE}, {0x0155, 0xE0}, {0x0103, 0xE3}, {0x013A, 0xE5},
    {0x0107, 0xE6}, {0x010D, 0xE8}, {0x0119, 0xEA}, {0x011B, 0xEC}, {0x010F, 0xEF}, {0x0111, 0xF0},
    {0x0144, 0xF1}, {0x0148, 0xF2}, {0x0151, 0xF5}, {0x0159, 0xF8}, {0x016F, 0xF9}, {0x0171, 0xFB},
    {0x0163, 0xFE}, {0x02D9, 0xFF}};

// The octet that is shown so where octets are read as windows-1252 or windows-1250.
std::optional<unsigned char> octet_shown_as(char32_t c) {
  static const std::unordered_map<char32_t, unsigned char> octets = [] {
    std::unordered_map<char32_t, unsigned char> m;
    for (unsigned o = 0x80; o < 0x100; ++o) m.emplace(o, static_cast<unsigned char>(o));
    for (const auto& [from, to] : shown_by_1252) m.emplace(from, to);
    for (const auto& [from, to] : shown_by_1250) m.emplace(from, to);
    return m;
  }();
  const auto at = octets.find(c);
  return at == octets.end() ? std::nullopt : std::optional{at->second};
}

// The character whose UTF-8 is shown there, octet for octet; length 0: none is.
character hidden_character(std::string_view s, std::size_t at) {
  character out;
  std::size_t more = 0;
  do {
    if (at + out.length >= s.size()) return {};
    const character shown = decode(s, at + out.length);
    const auto octet = octet_shown_as(shown.value);
    if (!octet) return {};
    if (out.length == 0) {
      if (*octet < 0xC2 || *octet > 0xEF) return {};
      more = *octet < 0xE0 ? 1 : 2;
      out.value = *octet & (*octet < 0xE0 ? 0x1FU : 0x0FU);
    } else {
      if ((*octet & 0xC0) != 0x80) return {};
      out.value = out.value << 6 | (*octet & 0x3FU);
      --more;
    }
    out.length += shown.length;
  } while (more > 0);
  return out;
}

bool is_hungarian(char32_t c) {
  constexpr std::u32string_view letters = U"áéíóöőúüűÁÉÍÓÖŐÚÜŰ";
  return letters.find(c) != std::u32string_view::npos;
}

}  // namespace

bool may_lead_mojibake(char32_t c) noexcept {
  return c == 0xC3 || c == 0xC4 || c == 0xC5 || c == 0x102 || c == 0x139;
}

misread misread_letter(std::string_view text, std::size_t at) {
  if (!may_lead_mojibake(decode(text, at).value)) return {};
  const character once = hidden_character(text, at);
  if (once.length == 0) return {};
  if (is_hungarian(once.value)) return {once.value, once.length};
  // What is hidden may be an octet that was shown as another character in its turn.
  const character next = hidden_character(text, at + once.length);
  const auto lead = octet_shown_as(once.value);
  const auto trail = octet_shown_as(next.value);
  if (next.length == 0 || !lead || !trail || *lead < 0xC2 || *lead > 0xDF) return {};
  const char32_t twice = ((*lead & 0x1FU) << 6) | (*trail & 0x3FU);
  if ((*trail & 0xC0) != 0x80 || !is_hungarian(twice)) return {};
  return {twice, once.length + next.length};
}

}  // namespace consentry::filters
