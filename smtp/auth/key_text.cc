#include "smtp/auth/key_text.h"

#include <optional>

#include "base/text.h"

namespace consentry::smtp::auth {
namespace {

struct logical_line {
  std::string text;
  std::size_t number = 0;
};

// Joins lines at a trailing backslash and inside parentheses.
std::vector<logical_line> logical_lines(std::string_view text) {
  std::vector<logical_line> out;
  std::size_t number = 0;
  bool goes_on = false;
  bool in_parentheses = false;
  for (auto line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (!goes_on && (line.starts_with('#') || line.starts_with(';'))) continue;
    if (!goes_on) out.push_back({{}, number});
    const bool has_backslash = line.ends_with('\\');
    if (has_backslash) line.remove_suffix(1);
    bool quoted = false;
    for (const char c : line) {
      if (c == '"') quoted = !quoted;
      if (!quoted && (c == '(' || c == ')'))
        in_parentheses = c == '(';
      else
        out.back().text.push_back(c);
    }
    goes_on = has_backslash || in_parentheses;
    if (goes_on && in_parentheses) out.back().text.push_back(' ');
  }
  return out;
}

std::string_view next_word(std::string_view& rest) {
  rest = trim(rest);
  const auto end = std::min(rest.find_first_of(" \t"), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest = trim(rest.substr(end));
  return word;
}

bool is_number(std::string_view s) {
  return !s.empty() && s.find_first_not_of("0123456789") == std::string_view::npos;
}

// "a" "b" gives ab; nullopt for a quote that is not closed.
std::optional<std::string> joined_strings(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && quoted) {
      out.push_back(text[++i]);
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (quoted) {
      out.push_back(text[i]);
    }
  }
  if (quoted) return std::nullopt;
  return out;
}

std::string normal_name(std::string_view name) {
  if (name.ends_with(':')) name.remove_suffix(1);
  if (name.ends_with('.')) name.remove_suffix(1);
  return ascii_lower(name);
}

}  // namespace

result<key_text> key_text::parse(std::string_view text) {
  key_text out;
  for (const auto& line : logical_lines(text)) {
    std::string_view rest = line.text;
    const std::string name = normal_name(next_word(rest));
    if (name.empty()) continue;
    for (std::string_view ahead = rest; !ahead.empty();) {  // [ttl] [IN] TXT
      const std::string_view word = next_word(ahead);
      if (!is_number(word) && !ascii_iequals(word, "IN") && !ascii_iequals(word, "TXT")) break;
      rest = ahead;
    }
    const auto value =
        rest.starts_with('"') ? joined_strings(rest) : std::optional<std::string>{rest};
    if (!value || value->empty())
      return failure{failure_kind::invalid,
                     true,
                     failure_scope::none,
                     "line " + std::to_string(line.number) + ": no key record",
                     {}};
    out.records_[name].push_back(*value);
  }
  return out;
}

result<std::vector<std::string>> key_text::operator()(const std::string& name) const {
  const auto found = records_.find(normal_name(name));
  if (found == records_.end())
    return failure{failure_kind::not_found, true, failure_scope::none, "no key record", {}};
  const std::string& first = found->second.front();
  if (first == "TEMPERROR" || first == "PERMERROR")
    return failure{failure_kind::dns, first == "PERMERROR", failure_scope::none,
                   "key lookup failed", first};
  return found->second;
}

std::string to_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' && text[i] != '\n') {
      out.push_back(text[i]);
      continue;
    }
    out += "\r\n";
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
  }
  if (!out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out;
}

}  // namespace consentry::smtp::auth
