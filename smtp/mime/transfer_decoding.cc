#include "smtp/mime/transfer_decoding.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace consentry::smtp::mime {
namespace {

constexpr std::array<std::int8_t, 256> make_base64_values() {
  std::array<std::int8_t, 256> values{};
  for (auto& v : values) v = -1;
  constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}
constexpr auto base64_values = make_base64_values();

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}
bool is_space(char c) noexcept {
  return is_blank(c) || c == '\r' || c == '\n';
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool is_only_base64(std::string_view s) noexcept {
  std::size_t characters = 0;
  for (const char c : s) {
    if (is_space(c)) continue;
    if (base64_values[static_cast<unsigned char>(c)] < 0 && c != '=') return false;
    ++characters;
  }
  return characters % 4 == 0;
}
bool is_only_space(std::string_view s) noexcept {
  for (const char c : s)
    if (!is_space(c)) return false;
  return true;
}

void cut(decoded_bytes& out, std::size_t bytes_max) {
  if (out.bytes.size() <= bytes_max) return;
  out.bytes.resize(bytes_max);
  out.problem = "too large once decoded";
  out.in_doubt = true;
}

std::string_view next_line(std::string_view& rest) noexcept {
  const auto end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

bool is_uu_begin(std::string_view line) noexcept {
  if (!line.starts_with("begin ")) return false;
  line.remove_prefix(6);
  std::size_t digits = 0;
  while (digits < line.size() && line[digits] >= '0' && line[digits] <= '7') ++digits;
  return digits >= 3 && digits <= 6 && digits + 1 < line.size() && line[digits] == ' ';
}

int uu_value(char c) noexcept {
  return c == '`' ? 0 : (c - ' ') & 0x3f;
}

// A data line: its first character tells how many bytes it holds.
bool is_uu_line(std::string_view line) noexcept {
  if (line.empty()) return false;
  for (const char c : line)
    if (c < ' ' || c > '`') return false;
  const auto bytes = static_cast<std::size_t>(uu_value(line[0]));
  const std::size_t characters = (bytes + 2) / 3 * 4;
  return line.size() - 1 <= characters + 4;
}

// Four characters of the alphabet as three octets; false where one is of another kind.
bool decode_group(const char* c, char* out) noexcept {
  const auto value = [&](int i) {
    return static_cast<std::int32_t>(base64_values[static_cast<unsigned char>(c[i])]);
  };
  const std::int32_t a = value(0), b = value(1), d = value(2), e = value(3);
  if ((a | b | d | e) < 0) return false;
  const std::int32_t group = a << 18 | b << 12 | d << 6 | e;
  out[0] = static_cast<char>(group >> 16);
  out[1] = static_cast<char>(group >> 8);
  out[2] = static_cast<char>(group);
  return true;
}

// Whole groups from `at` on, as far as lines of them go; gives where they end.
std::size_t decode_groups(std::string_view encoded, std::size_t at, std::string& out) {
  const std::size_t old = out.size();
  out.resize(old + (encoded.size() - at) / 4 * 3);
  char* to = out.data() + old;
  for (;;) {
    while (at + 4 <= encoded.size() && decode_group(encoded.data() + at, to)) {
      at += 4;
      to += 3;
    }
    if (at == encoded.size() || !is_space(encoded[at])) break;
    while (at < encoded.size() && is_space(encoded[at])) ++at;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
  return at;
}

}  // namespace

decoded_bytes decode_base64(std::string_view encoded, std::size_t bytes_max) {
  decoded_bytes out;
  const std::size_t in_groups =
      decode_groups(encoded.substr(0, bytes_max / 3 * 4 + 4), 0, out.bytes);
  std::uint32_t group = 0;
  int filled = 0;
  std::size_t foreign = 0;
  const auto flush = [&] {
    if (filled >= 2) out.bytes.push_back(static_cast<char>(group >> 16));
    if (filled >= 3) out.bytes.push_back(static_cast<char>(group >> 8));
    if (filled >= 4) out.bytes.push_back(static_cast<char>(group));
    group = 0;
    filled = 0;
  };
  for (std::size_t i = in_groups; i < encoded.size() && out.bytes.size() <= bytes_max; ++i) {
    const char c = encoded[i];
    const int value = base64_values[static_cast<unsigned char>(c)];
    if (value >= 0) {
      group |= static_cast<std::uint32_t>(value) << (18 - 6 * filled);
      if (++filled == 4) flush();
    } else if (c == '=' && filled >= 2) {
      if (filled == 2 && i + 1 < encoded.size()) {  // the second one belongs to it
        std::size_t next = i + 1;
        while (next < encoded.size() && is_space(encoded[next])) ++next;
        if (next < encoded.size() && encoded[next] == '=') i = next;
      }
      flush();
      const std::string_view rest = encoded.substr(i + 1);
      if (is_only_space(rest)) break;
      const bool is_first = out.problem.empty();  // looked through once, else it is quadratic
      out.problem = "base64: goes on after its padding";
      if (is_first && !is_only_base64(rest)) {
        out.in_doubt = true;
        break;
      }
    } else if (!is_space(c)) {
      ++foreign;
    }
  }
  if (filled == 1) out.problem = "base64: broken off";
  flush();
  if (foreign > 0 && out.problem.empty())
    out.problem =
        "base64: " + std::to_string(foreign) + " characters outside the alphabet were skipped";
  cut(out, bytes_max);
  return out;
}

decoded_bytes decode_quoted_printable(std::string_view encoded, std::size_t bytes_max) {
  decoded_bytes out;
  out.bytes.reserve(std::min(encoded.size(), bytes_max + 1));
  std::size_t broken = 0;
  for (std::size_t i = 0; i < encoded.size() && out.bytes.size() <= bytes_max;) {
    if (encoded[i] != '=') {
      const auto next = std::min(encoded.find('=', i), encoded.size());
      out.bytes.append(encoded.substr(i, next - i));
      i = next;
      continue;
    }
    if (i + 2 < encoded.size() && hex_value(encoded[i + 1]) >= 0 &&
        hex_value(encoded[i + 2]) >= 0) {
      out.bytes.push_back(
          static_cast<char>(hex_value(encoded[i + 1]) << 4 | hex_value(encoded[i + 2])));
      i += 3;
      continue;
    }
    std::size_t end = i + 1;
    while (end < encoded.size() && is_blank(encoded[end])) ++end;
    if (end == encoded.size() || encoded[end] == '\n' || encoded[end] == '\r') {  // soft break
      if (end < encoded.size() && encoded[end] == '\r') ++end;
      if (end < encoded.size() && encoded[end] == '\n') ++end;
      i = end;
      continue;
    }
    out.bytes.push_back('=');
    ++broken;
    ++i;
  }
  if (broken > 0)
    out.problem = "quoted-printable: " + std::to_string(broken) + " broken escapes stay as written";
  cut(out, bytes_max);
  return out;
}

decoded_bytes decode_uuencode(std::string_view encoded, std::size_t bytes_max) {
  decoded_bytes out;
  bool begun = false;
  bool ended = false;
  while (!encoded.empty() && !ended && out.bytes.size() <= bytes_max) {
    const std::string_view line = next_line(encoded);
    if (!begun) {
      begun = is_uu_begin(line);
    } else if (line == "end") {
      ended = true;
    } else if (is_uu_line(line)) {
      auto left = static_cast<std::size_t>(uu_value(line[0]));
      for (std::size_t i = 1; left > 0; i += 4) {
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 4; ++j)  // trailing blanks may have been cut off
          group = group << 6 |
                  static_cast<std::uint32_t>(i + j < line.size() ? uu_value(line[i + j]) : 0);
        for (int shift = 16; shift >= 0 && left > 0; shift -= 8, --left)
          out.bytes.push_back(static_cast<char>(group >> shift));
      }
    } else if (!line.empty()) {
      out.problem = "uuencode: a broken line";
      out.in_doubt = true;
    }
  }
  if (!begun || (!ended && out.problem.empty())) {
    out.problem = begun ? "uuencode: broken off" : "uuencode: no begin line";
    out.in_doubt = true;
  }
  cut(out, bytes_max);
  return out;
}

bool has_uuencode_block(std::string_view text) {
  for (std::size_t at = text.find("begin "); at != std::string_view::npos;
       at = text.find("begin ", at + 6)) {
    if (at > 0 && text[at - 1] != '\n') continue;
    std::string_view rest = text.substr(at, 4096);
    if (!is_uu_begin(next_line(rest))) continue;
    const std::string_view data = next_line(rest);
    if (data.size() > 1 && is_uu_line(data)) return true;
  }
  return false;
}

}  // namespace consentry::smtp::mime
