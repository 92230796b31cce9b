#include "smtp/server/command.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace consentry::smtp::server {
namespace {

constexpr std::array<std::pair<std::string_view, verb>, 22> verbs{{
    {"EHLO", verb::ehlo}, {"HELO", verb::helo},         {"MAIL", verb::mail},
    {"RCPT", verb::rcpt}, {"DATA", verb::data},         {"BDAT", verb::bdat},
    {"RSET", verb::rset}, {"NOOP", verb::noop},         {"QUIT", verb::quit},
    {"VRFY", verb::vrfy}, {"EXPN", verb::expn},         {"HELP", verb::help},
    {"AUTH", verb::auth}, {"STARTTLS", verb::starttls}, {"GET", verb::http},
    {"POST", verb::http}, {"CONNECT", verb::http},      {"PUT", verb::http},
    {"HEAD", verb::http}, {"OPTIONS", verb::http},      {"DELETE", verb::http},
    {"PRI", verb::http},
}};

std::string_view trim_spaces(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

bool is_hello_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_' || c == ':' || c == '[' || c == ']';
}

}  // namespace

command parse_command(std::string_view line) {
  const auto space = line.find(' ');
  const auto word = line.substr(0, space);
  command c;
  for (const auto& [name, what] : verbs)
    if (ascii_iequals(word, name)) c.what = what;
  if (space != std::string_view::npos) c.argument = trim_spaces(line.substr(space));
  return c;
}

std::size_t line_bytes_max(verb v) noexcept {
  switch (v) {
    case verb::auth:
      return 12288;  // RFC 4954 section 4
    // 512, and what SIZE, BODY, AUTH, RET, ENVID, SMTPUTF8, NOTIFY and ORCPT add; rounded up.
    case verb::mail:
    case verb::rcpt:
      return 2048;
    default:
      return 512;
  }
}

parsed<std::string> parse_hello(std::string_view argument) {
  if (argument.empty()) return reply{501, {5, 5, 4}, "a domain name or address literal is needed"};
  const bool literal = argument.front() == '[';
  if (argument.size() > 255 || !std::ranges::all_of(argument, is_hello_octet) ||
      literal != (argument.back() == ']'))
    return reply{501, {5, 5, 4}, "that is no domain name or address literal"};
  return std::string{argument};
}

parsed<chunk_arguments> parse_bdat(std::string_view argument) {
  const reply refusal{501, {5, 5, 4}, "BDAT takes a number of octets, and LAST"};
  const auto space = argument.find(' ');
  const auto number = argument.substr(0, space);
  chunk_arguments chunk;
  const auto* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, chunk.octets);
  if (error != std::errc{} || stop != end) return refusal;
  if (space != std::string_view::npos) {
    if (!ascii_iequals(trim_spaces(argument.substr(space)), "LAST")) return refusal;
    chunk.last = true;
  }
  return chunk;
}

}  // namespace consentry::smtp::server
