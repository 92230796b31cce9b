#include "base/text.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace consentry {
namespace {

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// Length of the valid sequence at the start of s, 0 if there is none.
std::size_t utf8_sequence(std::string_view s) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto tail = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return i < s.size() && at(i) >= low && at(i) <= high;
  };
  const unsigned b = at(0);
  if (b < 0x80) return 1;
  if (b >= 0xc2 && b <= 0xdf) return tail(1) ? 2 : 0;
  if (b == 0xe0) return tail(1, 0xa0) && tail(2) ? 3 : 0;
  if (b == 0xed) return tail(1, 0x80, 0x9f) && tail(2) ? 3 : 0;
  if (b >= 0xe1 && b <= 0xef) return tail(1) && tail(2) ? 3 : 0;
  if (b == 0xf0) return tail(1, 0x90) && tail(2) && tail(3) ? 4 : 0;
  if (b == 0xf4) return tail(1, 0x80, 0x8f) && tail(2) && tail(3) ? 4 : 0;
  if (b >= 0xf1 && b <= 0xf3) return tail(1) && tail(2) && tail(3) ? 4 : 0;
  return 0;
}

// Octets at the front that are ASCII, eight at a time.
std::size_t ascii_octets(std::string_view s) noexcept {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  std::size_t n = 0;
  for (std::uint64_t word = 0; n + sizeof word <= s.size(); n += sizeof word) {
    std::memcpy(&word, s.data() + n, sizeof word);
    if ((word & high_bits) != 0)
      return n + static_cast<std::size_t>(std::countr_zero(word & high_bits)) / 8;
  }
  while (n < s.size() && static_cast<unsigned char>(s[n]) < 0x80) ++n;
  return n;
}

// A letter of two octets at the front: nearly all of Hungarian that is not ASCII.
bool has_two_octets(std::string_view s) noexcept {
  return s.size() > 1 && static_cast<unsigned char>(s[0]) >= 0xc2 &&
         static_cast<unsigned char>(s[0]) <= 0xdf &&
         (static_cast<unsigned char>(s[1]) & 0xc0) == 0x80;
}

constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base32_alphabet = "abcdefghijklmnopqrstuvwxyz234567";

constexpr std::array<std::int8_t, 256> inverse(std::string_view alphabet, bool both_cases) {
  std::array<std::int8_t, 256> table{};
  for (auto& e : table) e = -1;
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    if (both_cases && alphabet[i] >= 'a')
      table[static_cast<unsigned char>(alphabet[i] - 32)] = static_cast<std::int8_t>(i);
  }
  return table;
}

constexpr auto base64_inverse = inverse(base64_alphabet, false);
constexpr auto base32_inverse = inverse(base32_alphabet, true);

}  // namespace

std::string ascii_lower(std::string_view s) {
  std::string out{s};
  for (char& c : out) c = lower(c);
  return out;
}

bool ascii_iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

bool ascii_istarts_with(std::string_view s, std::string_view prefix) noexcept {
  return s.size() >= prefix.size() && ascii_iequals(s.substr(0, prefix.size()), prefix);
}

std::string_view trim(std::string_view s) noexcept {
  constexpr std::string_view white = " \t\r\n";
  const auto from = s.find_first_not_of(white);
  if (from == std::string_view::npos) return {};
  return s.substr(from, s.find_last_not_of(white) - from + 1);
}

std::vector<std::string_view> split(std::string_view s, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto at = s.find(separator);
    pieces.push_back(s.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    s.remove_prefix(at + 1);
  }
}

bool is_ascii(std::string_view s) noexcept {
  return ascii_octets(s) == s.size();
}

bool is_valid_utf8(std::string_view s) noexcept {
  while (!s.empty()) {
    s.remove_prefix(ascii_octets(s));
    if (s.empty()) break;
    const auto n = has_two_octets(s) ? 2 : utf8_sequence(s);
    if (n == 0) return false;
    s.remove_prefix(n);
  }
  return true;
}

std::string to_valid_utf8(std::string_view s) {
  if (is_valid_utf8(s)) return std::string{s};
  std::string out;
  out.reserve(s.size());
  while (!s.empty()) {
    const auto n = utf8_sequence(s);
    if (n == 0) {
      out += "\xef\xbf\xbd";
      s.remove_prefix(1);
    } else {
      out += s.substr(0, n);
      s.remove_prefix(n);
    }
  }
  return out;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (unsigned char b : bytes) {
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  return out;
}

std::optional<std::string> parse_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  const auto digit = [](char c) {
    c = lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](std::size_t k) -> std::uint32_t {
      return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0;
    };
    const std::uint32_t n = at(0) << 16 | at(1) << 8 | at(2);
    out += base64_alphabet[n >> 18];
    out += base64_alphabet[n >> 12 & 63];
    out += i + 1 < bytes.size() ? base64_alphabet[n >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? base64_alphabet[n & 63] : '=';
  }
  return out;
}

std::optional<std::string> parse_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::string out;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t bits = 0;
  int count = 0;
  for (unsigned char c : text) {
    const int value = base64_inverse[c];
    if (value < 0) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if ((count += 6) >= 8) out += static_cast<char>(bits >> (count -= 8));
  }
  if ((bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return out;
}

std::string base32(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 8 + 4) / 5);
  std::uint32_t bits = 0;
  int count = 0;
  for (unsigned char b : bytes) {
    bits = bits << 8 | b;
    for (count += 8; count >= 5; count -= 5) out += base32_alphabet[bits >> (count - 5) & 31];
  }
  if (count > 0) out += base32_alphabet[bits << (5 - count) & 31];
  return out;
}

std::optional<std::string> parse_base32(std::string_view text) {
  std::string out;
  out.reserve(text.size() * 5 / 8);
  std::uint32_t bits = 0;
  int count = 0;
  for (unsigned char c : text) {
    const int value = base32_inverse[c];
    if (value < 0) return std::nullopt;
    bits = bits << 5 | static_cast<std::uint32_t>(value);
    if ((count += 5) >= 8) out += static_cast<char>(bits >> (count -= 8));
  }
  if (count >= 5 || (bits & ((1u << count) - 1)) != 0) return std::nullopt;
  return out;
}

std::string printable(std::string_view s, std::size_t bytes_max) {
  std::string out;
  while (!s.empty() && out.size() < bytes_max) {
    const auto n = utf8_sequence(s);
    const auto b = static_cast<unsigned char>(s[0]);
    if (n == 0 || b < 0x20 || b == 0x7f) {
      out += fmt::format("\\x{:02x}", b);
      s.remove_prefix(1);
    } else {
      out += s.substr(0, n);
      s.remove_prefix(n);
    }
  }
  if (!s.empty()) out += "...";
  return out;
}

std::string human_bytes(std::uint64_t bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace consentry
