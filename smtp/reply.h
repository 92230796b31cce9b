// An SMTP reply: code, enhanced status code, text (RFC 5321 section 4.2, RFC 2034, RFC 3463).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::smtp {

struct enhanced_code {
  std::uint8_t status_class = 0;  // 2, 4 or 5; 0 means none
  std::uint16_t subject = 0;
  std::uint16_t detail = 0;
  explicit operator bool() const noexcept { return status_class != 0; }
  friend auto operator<=>(const enhanced_code&, const enhanced_code&) = default;
};

std::string to_string(enhanced_code c);  // "5.7.1", "" for none
// Only a whole "x.y.z" with class 2, 4 or 5 and at most three digits each.
std::optional<enhanced_code> parse_enhanced_code(std::string_view text);

struct reply {
  int code = 0;
  enhanced_code enhanced;
  std::string text;    // may hold several lines, separated by '\n'; no code in it
  bool close = false;  // the server closes the connection after it (421)

  bool is_positive() const noexcept { return code >= 200 && code < 400; }
  bool is_transient() const noexcept { return code >= 400 && code < 500; }
  bool is_permanent() const noexcept { return code >= 500; }
};

// As it goes over the wire: "550-5.7.1 first\r\n550 5.7.1 last\r\n". CR, LF and controls inside a
// line become spaces; lines are cut to 512 octets.
std::string to_wire(const reply& r);

// One line for logs and records: "550 5.7.1 text".
std::string to_string(const reply& r);

// From the lines a server sent (without CRLF): all with the same code, "-" but on the last.
// nullopt: not a reply.
std::optional<reply> parse_reply(const std::vector<std::string>& lines);

}  // namespace consentry::smtp
