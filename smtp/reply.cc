#include "smtp/reply.h"

#include <charconv>

#include "base/text.h"

namespace consentry::smtp {
namespace {

constexpr std::size_t line_bytes_max = 512;  // RFC 5321 section 4.5.3.1.5, CRLF included

bool is_digits(std::string_view s) {
  for (char c : s)
    if (c < '0' || c > '9') return false;
  return !s.empty();
}

std::optional<std::uint16_t> small_number(std::string_view s) {
  if (s.size() > 3 || !is_digits(s)) return std::nullopt;
  std::uint16_t n = 0;
  std::from_chars(s.data(), s.data() + s.size(), n);
  return n;
}

// Whole characters only: half of one would make the line invalid UTF-8.
std::string_view cut(std::string_view s, std::size_t bytes_max) {
  if (s.size() <= bytes_max) return s;
  while (bytes_max > 0 && (static_cast<unsigned char>(s[bytes_max]) & 0xc0) == 0x80) --bytes_max;
  return s.substr(0, bytes_max);
}

std::string without_controls(std::string_view s) {
  std::string out{s};
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

// The enhanced code a reply line begins with. It must be of the reply's class (RFC 2034 section 4);
// servers that mix up 4 and 5 exist, and their detail still tells something.
std::optional<enhanced_code> leading_code(std::string_view text, int code) {
  const auto word = text.substr(0, text.find(' '));
  const auto e = parse_enhanced_code(word);
  if (!e) return std::nullopt;
  const bool both_negative = code >= 400 && e->status_class >= 4;
  return e->status_class == code / 100 || both_negative ? e : std::nullopt;
}

}  // namespace

std::string to_string(enhanced_code c) {
  if (!c) return {};
  return std::to_string(c.status_class) + '.' + std::to_string(c.subject) + '.' +
         std::to_string(c.detail);
}

std::optional<enhanced_code> parse_enhanced_code(std::string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() != 3 || (parts[0] != "2" && parts[0] != "4" && parts[0] != "5"))
    return std::nullopt;
  const auto subject = small_number(parts[1]);
  const auto detail = small_number(parts[2]);
  if (!subject || !detail) return std::nullopt;
  return enhanced_code{static_cast<std::uint8_t>(parts[0][0] - '0'), *subject, *detail};
}

std::string to_wire(const reply& r) {
  const std::string code = std::to_string(r.code);
  const std::string enhanced = r.enhanced ? to_string(r.enhanced) + ' ' : std::string{};
  const std::size_t room = line_bytes_max - 2 - code.size() - 1 - enhanced.size();
  const auto lines = split(r.text, '\n');
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out += code;
    out += i + 1 < lines.size() ? '-' : ' ';
    out += enhanced;
    out += without_controls(cut(lines[i], room));
    out += "\r\n";
  }
  return out;
}

std::string to_string(const reply& r) {
  std::string s = std::to_string(r.code);
  if (r.enhanced) s += ' ' + to_string(r.enhanced);
  if (!r.text.empty()) s += ' ' + without_controls(r.text);
  return s;
}

std::optional<reply> parse_reply(const std::vector<std::string>& lines) {
  if (lines.empty()) return std::nullopt;
  reply r;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    if (line.size() < 3 || !is_digits(line.substr(0, 3))) return std::nullopt;
    if (line[0] < '2' || line[0] > '5') return std::nullopt;
    const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (i > 0 && code != r.code) return std::nullopt;
    r.code = code;

    const bool last = i + 1 == lines.size();
    // A last line of nothing but the code is to be understood (RFC 5321 section 4.2).
    const char separator = line.size() == 3 ? ' ' : line[3];
    if (separator != (last ? ' ' : '-')) return std::nullopt;
    std::string_view text = line.size() > 4 ? line.substr(4) : std::string_view{};
    if (const auto e = leading_code(text, code)) {
      if (!r.enhanced) r.enhanced = *e;
      const auto space = text.find(' ');
      text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
    }
    if (i > 0) r.text += '\n';
    r.text += text;
  }
  r.close = r.code == 421;
  return r;
}

}  // namespace consentry::smtp
