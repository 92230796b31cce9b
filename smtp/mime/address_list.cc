#include <algorithm>

#include "base/text.h"
#include "smtp/mime/header_text.h"

namespace consentry::smtp::mime {
namespace {

bool is_space(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_atext(char c) noexcept {
  const auto u = static_cast<unsigned char>(c);
  if (u >= 0x80) return true;  // RFC 6532
  return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') ||
         std::string_view{"!#$%&'*+-/=?^_`{|}~"}.find(c) != std::string_view::npos;
}

bool is_dot_atom(std::string_view s) noexcept {
  bool needs_atom = true;
  for (const char c : s) {
    if (c == '.') {
      if (needs_atom) return false;
      needs_atom = true;
    } else if (is_atext(c)) {
      needs_atom = false;
    } else {
      return false;
    }
  }
  return !needs_atom;
}

bool is_quoted_string(std::string_view s) noexcept {
  if (s.size() < 2 || s.front() != '"' || s.back() != '"') return false;
  s = s.substr(1, s.size() - 2);
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '"') return false;
    if (s[i] == '\\' && ++i == s.size()) return false;
  }
  return true;
}

bool is_domain(std::string_view s) noexcept {
  if (s.size() > 2 && s.front() == '[' && s.back() == ']')
    return s.substr(1, s.size() - 2).find_first_of("[]\\ \t") == std::string_view::npos;
  return is_dot_atom(s);
}

// local@domain without blanks and comments.
bool is_addr_spec(std::string_view s) noexcept {
  const auto at = s.rfind('@');
  if (at == std::string_view::npos || at == 0) return false;
  const std::string_view local = s.substr(0, at);
  return (is_dot_atom(local) || is_quoted_string(local)) && is_domain(s.substr(at + 1));
}

// One pass; a word list is kept as it was written (for an address) and as it reads (for a name).
class address_reader {
 public:
  address_reader(std::string_view text, bool& ok) noexcept : rest_{text}, ok_{ok} {}

  std::vector<header_mailbox> read() {
    ok_ = true;
    while (skip_space(), !rest_.empty()) element();
    if (in_group_ || (found_.empty() && !had_group_)) ok_ = false;
    return std::move(found_);
  }

 private:
  void element() {
    std::string spec;  // as an address
    std::string name;  // as a phrase, still encoded
    bool blank_before = false;
    bool is_phrase = false;  // words with blanks between them: no bare address
    while (!rest_.empty()) {
      const char c = rest_[0];
      if (is_space(c) || c == '(') {
        skip_space();
        blank_before = true;
        continue;
      }
      if (c == '<') {
        angle(name);
        return;
      }
      if (c == ',' || c == ';') break;
      if (c == ':' && !in_group_ && spec.find('@') == std::string::npos) {
        rest_.remove_prefix(1);
        in_group_ = had_group_ = true;
        return;
      }
      const std::string word = c == '"' ? quoted() : c == '[' ? literal() : std::string{take()};
      const bool joins = word == "." || word == "@" || spec.ends_with('.') || spec.ends_with('@');
      if (blank_before && !spec.empty() && !joins) is_phrase = true;
      if (blank_before && !name.empty()) name.push_back(' ');
      blank_before = false;
      spec += word;
      name += c == '"' ? unquoted(word) : word;
    }
    if (!spec.empty()) add("", spec, !is_phrase);
    end_of_element();
  }

  void end_of_element() {
    if (rest_.empty()) return;
    if (rest_[0] == ';') {
      if (!in_group_) ok_ = false;
      in_group_ = false;
    }
    rest_.remove_prefix(1);
  }

  void angle(const std::string& name) {
    rest_.remove_prefix(1);
    std::string spec;
    while (!rest_.empty() && rest_[0] != '>') {
      const char c = rest_[0];
      if (is_space(c) || c == '(')
        skip_space();
      else
        spec += c == '"' ? quoted() : c == '[' ? literal() : std::string{take()};
    }
    const bool closed = !rest_.empty();
    if (closed) rest_.remove_prefix(1);
    if (spec.starts_with('@')) {  // obsolete route
      const auto colon = spec.find(':');
      if (colon != std::string::npos) spec.erase(0, colon + 1);
    }
    add(name, spec, closed);
    skip_space();
    if (rest_.empty()) return;
    if (rest_[0] != ',' && rest_[0] != ';') {  // words after the address
      ok_ = false;
      while (!rest_.empty() && rest_[0] != ',' && rest_[0] != ';') {
        if (rest_[0] == '"')
          quoted();
        else if (rest_[0] == '<')
          return;  // another address without a comma
        else
          rest_.remove_prefix(1);
      }
      if (rest_.empty()) return;
    }
    end_of_element();
  }

  void add(const std::string& name, const std::string& spec, bool is_whole) {
    if (!is_whole || !is_addr_spec(spec)) ok_ = false;
    std::string label;
    found_.push_back({decode_header(name), to_utf8(spec, label)});
  }

  std::string_view take() {
    const std::string_view c = rest_.substr(0, 1);
    rest_.remove_prefix(1);
    return c;
  }

  std::string quoted() { return enclosed('"'); }
  std::string literal() { return enclosed(']'); }

  // Up to and with the closing character; backslash escapes stay.
  std::string enclosed(char close) {
    std::size_t i = 1;
    while (i < rest_.size() && rest_[i] != close) i += rest_[i] == '\\' ? 2 : 1;
    if (i >= rest_.size()) {
      ok_ = false;
      i = rest_.size() - 1;
    }
    std::string out;
    for (const char c : rest_.substr(0, i + 1))
      if (c != '\r' && c != '\n') out.push_back(c);
    rest_.remove_prefix(i + 1);
    return out;
  }

  static std::string unquoted(std::string_view s) {
    std::string out;
    s.remove_prefix(1);
    if (s.ends_with('"')) s.remove_suffix(1);
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (s[i] == '\\' && i + 1 < s.size()) ++i;
      out.push_back(s[i]);
    }
    return out;
  }

  void skip_space() {
    while (!rest_.empty() && (is_space(rest_[0]) || rest_[0] == '(')) {
      if (rest_[0] == '(')
        skip_comment();
      else
        rest_.remove_prefix(1);
    }
  }

  void skip_comment() {
    std::size_t depth = 0;
    std::size_t i = 0;
    for (; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '(') {
        ++depth;
      } else if (rest_[i] == ')' && --depth == 0) {
        break;
      }
    }
    if (i >= rest_.size()) ok_ = false;
    rest_.remove_prefix(std::min(i + 1, rest_.size()));
  }

  std::string_view rest_;
  bool& ok_;
  std::vector<header_mailbox> found_;
  bool in_group_ = false;
  bool had_group_ = false;
};

}  // namespace

std::vector<header_mailbox> parse_address_list(std::string_view raw, bool& ok) {
  return address_reader{raw, ok}.read();
}

}  // namespace consentry::smtp::mime
