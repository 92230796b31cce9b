#include "filters/html_references.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace consentry::filters {
namespace {

// In order of name.
constexpr std::pair<std::string_view, std::string_view> references[] = {
    {"Aacute", "Á"}, {"Auml", "Ä"},   {"Eacute", "É"}, {"Iacute", "Í"},    {"Oacute", "Ó"},
    {"Ouml", "Ö"},   {"Uacute", "Ú"}, {"Uuml", "Ü"},   {"aacute", "á"},    {"amp", "&"},
    {"apos", "'"},   {"auml", "ä"},   {"bdquo", "„"},  {"bull", "•"},      {"cent", "¢"},
    {"copy", "©"},   {"deg", "°"},    {"eacute", "é"}, {"euro", "€"},      {"gt", ">"},
    {"hellip", "…"}, {"iacute", "í"}, {"laquo", "«"},  {"ldquo", "“"},     {"lsquo", "‘"},
    {"lt", "<"},     {"mdash", "—"},  {"middot", "·"}, {"nbsp", "\u00a0"}, {"ndash", "–"},
    {"oacute", "ó"}, {"ouml", "ö"},   {"pound", "£"},  {"quot", "\""},     {"raquo", "»"},
    {"rdquo", "”"},  {"reg", "®"},    {"rsquo", "’"},  {"shy", "\u00ad"},  {"times", "×"},
    {"trade", "™"},  {"uacute", "ú"}, {"uuml", "ü"},   {"zwj", "\u200d"},  {"zwnj", "\u200c"}};

bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool append_named(std::string_view name, std::string& out) {
  const auto at = std::lower_bound(std::begin(references), std::end(references), name,
                                   [](const auto& r, std::string_view n) { return r.first < n; });
  if (at == std::end(references) || at->first != name) return false;
  out += at->second;
  return true;
}

// "#225", "#xe1". Only numbers that mean the character of that number.
bool append_numbered(std::string_view number, std::string& out) {
  number.remove_prefix(1);
  const bool is_hex = number.starts_with('x') || number.starts_with('X');
  if (is_hex) number.remove_prefix(1);
  std::uint32_t c = 0;
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), c, is_hex ? 16 : 10);
  if (error != std::errc{} || end != number.data() + number.size()) return false;
  const bool is_itself = (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0xd800) ||
                         (c >= 0xe000 && c < 0xfdd0) || (c >= 0x1f000 && c < 0x1fffe);
  if (!is_itself) return false;
  std::array<char, U8_MAX_LENGTH> octets{};
  std::size_t n = 0;
  U8_APPEND_UNSAFE(octets.data(), n, c);
  out.append(octets.data(), n);
  return true;
}

}  // namespace

bool decode_references(std::string_view raw, bool in_attribute, std::string& out) {
  for (std::size_t i = 0; i < raw.size();) {
    const std::size_t next = std::min(raw.find_first_of("&\r", i), raw.size());
    out.append(raw.substr(i, next - i));
    i = next;
    if (i == raw.size()) break;
    if (raw[i] == '\r') {
      if (i + 1 == raw.size() || raw[i + 1] != '\n') return false;
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    if (end < raw.size() && raw[end] == '#') ++end;
    while (end < raw.size() && is_alnum(raw[end])) ++end;
    const std::string_view name = raw.substr(i + 1, end - i - 1);
    if (end < raw.size() && raw[end] == ';' && !name.empty()) {
      if (!(name[0] == '#' ? append_numbered(name, out) : append_named(name, out))) return false;
      i = end + 1;
    } else if (name.empty() ||
               (in_attribute && end < raw.size() && raw[end] == '=' && name[0] != '#')) {
      out += '&';
      ++i;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace consentry::filters
