#include "filters/css_text.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <utility>

#include "base/text.h"

namespace consentry::filters {
namespace {

constexpr std::size_t selector_octets_max = 4096;  // of one rule: the last ones
constexpr std::size_t attributes_max = 64;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
bool is_name(char c) {
  const auto u = static_cast<unsigned char>(c);
  return std::isalnum(u) != 0 || c == '-' || c == '_' || u >= 0x80;
}

// The name of a property, without what stands around it.
std::string_view name_of(std::string_view property) {
  return trim(property.substr(0, property.find("/*")));
}

// Whether strings of that property are shown.
bool is_shown(std::string_view name) {
  // A name may be written in escapes: content as c\6fntent.
  if (name.starts_with("--") || name.find('\\') != std::string_view::npos) return true;
  for (const std::string_view shown : {"content", "quotes", "list-style", "list-style-type",
                                       "symbols", "additive-symbols", "prefix", "suffix"}) {
    if (name.size() == shown.size() && ascii_iequals(name, shown)) return true;
  }
  return false;
}

// The class or id that a selector ends with before ":before", say; empty if it ends otherwise.
std::string last_name(std::string_view selector, std::string_view pseudo) {
  std::string s = ascii_lower(trim(selector));
  if (!s.ends_with(pseudo)) return {};
  s.resize(s.size() - pseudo.size());
  while (s.ends_with(':')) s.pop_back();
  const auto mark = s.find_last_of(".#");
  if (mark == std::string::npos) return {};
  // `.a b:before` speaks of b.
  if (s.find_first_of(" >+~[:", mark) != std::string::npos) return {};
  return s.substr(mark);
}

void append_character(std::string& out, std::uint32_t c) {
  if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = 0xFFFD;
  std::array<char, U8_MAX_LENGTH> octets{};
  std::size_t n = 0;
  U8_APPEND_UNSAFE(octets.data(), n, c);
  out.append(octets.data(), n);
}

// What the reading stops at.
constexpr auto is_special = [] {
  std::array<bool, 256> out{};
  for (const char c : std::string_view{"/\"'{};:(\\"}) out[static_cast<unsigned char>(c)] = true;
  return out;
}();

std::string without_comments(std::string_view css) {
  std::string out;
  for (std::size_t at = 0; at < css.size();) {
    const auto begin = std::min(css.find("/*", at), css.size());
    out += css.substr(at, begin - at);
    const auto end = css.find("*/", std::min(begin + 2, css.size()));
    at = end == std::string_view::npos ? css.size() : end + 2;
  }
  return out;
}

class reading_sheet {
 public:
  explicit reading_sheet(std::string_view css) : css_{css} {}

  css_text run() {
    while (at_ < css_.size()) next();
    end_declaration();
    return std::move(out_);
  }

 private:
  void next() {
    const char c = css_[at_];
    if (c == '/' && at_ + 1 < css_.size() && css_[at_ + 1] == '*') {
      const auto end = css_.find("*/", at_ + 2);
      // Each octet is looked at once, whatever the number of comments.
      if (!has_text_) has_text_ = !trim(css_.substr(begin_, at_ - begin_)).empty();
      at_ = end == std::string_view::npos ? css_.size() : end + 2;
      if (!has_text_) begin_ = at_;
    } else if (c == '"' || c == '\'') {
      string(c);
    } else if (c == '{') {
      selectors(css_.substr(begin_, at_ - begin_));
      start_declaration();
    } else if (c == '}' || c == ';') {
      end_declaration();
      start_declaration();
    } else if (c == ':' && colon_ == std::string_view::npos) {
      colon_ = at_++;
      property_ = name_of(css_.substr(begin_, colon_ - begin_));
      shown_ = is_shown(property_);
    } else if (c == '(') {
      function();
    } else {
      at_ += c == '\\' ? 2 : 1;
      while (at_ < css_.size() && !is_special[static_cast<unsigned char>(css_[at_])]) ++at_;
    }
  }

  void start_declaration() {
    begin_ = ++at_;
    has_text_ = false;
    colon_ = std::string_view::npos;
    shown_ = false;
    text_.clear();
  }

  void end_declaration() {
    at_ = std::min(at_, css_.size());
    if (colon_ == std::string_view::npos) return;
    constexpr std::string_view bidi = "unicode-bidi";
    const bool is_escaped = property_.find('\\') != std::string_view::npos;
    if ((is_escaped || (property_.size() == bidi.size() && ascii_iequals(property_, bidi))) &&
        ascii_lower(css_.substr(colon_, std::min<std::size_t>(at_ - colon_, 100)))
                .find("override") != std::string::npos) {
      out_.turns_text = true;
    }
    if (text_.empty()) return;
    css_string s{std::move(text_), begin_, at_, {}, {}};
    if (is_escaped || ascii_iequals(property_, "content")) {
      s.before = std::exchange(before_, {});
      s.after = std::exchange(after_, {});
    }
    out_.strings.push_back(std::move(s));
    text_.clear();
  }

  // Of the rule that begins.
  void selectors(std::string_view list) {
    before_.clear();
    after_.clear();
    if (list.size() > selector_octets_max) list.remove_prefix(list.size() - selector_octets_max);
    if (list.find(':') == std::string_view::npos) return;
    const std::string plain = without_comments(list);
    list = plain;
    for (const std::string_view one : split(list, ',')) {
      if (auto name = last_name(one, ":before"); !name.empty()) before_.push_back(std::move(name));
      if (auto name = last_name(one, ":after"); !name.empty()) after_.push_back(std::move(name));
    }
  }

  void string(char quote) {
    ++at_;
    while (at_ < css_.size() && css_[at_] != quote && css_[at_] != '\n') {
      if (css_[at_] == '\\') {
        escape();
      } else {
        if (shown_) text_ += css_[at_];
        ++at_;
      }
    }
    if (at_ < css_.size()) ++at_;
  }

  // "\6b " is a letter by its number, "\" before a line end nothing, before anything else that.
  void escape() {
    ++at_;
    std::uint32_t number = 0;
    int digits = 0;
    for (; digits < 6 && at_ < css_.size(); ++digits, ++at_) {
      const auto c = static_cast<unsigned char>(css_[at_]);
      if (std::isxdigit(c) == 0) break;
      number = number * 16 + (c <= '9' ? c - '0' : (c | 0x20u) - 'a' + 10u);
    }
    if (digits > 0) {
      if (at_ < css_.size() && is_blank(css_[at_])) ++at_;
      if (shown_) append_character(text_, number);
    } else if (at_ < css_.size()) {
      const char c = css_[at_++];
      if (c == '\r' && at_ < css_.size() && css_[at_] == '\n') ++at_;
      if (shown_ && c != '\n' && c != '\r' && c != '\f') text_ += c;
    }
  }

  // url(..) may hold anything; attr(x) shows an attribute.
  void function() {
    std::size_t begin = at_;
    while (begin > begin_ && is_name(css_[begin - 1])) --begin;
    const std::string_view name = css_.substr(begin, at_ - begin);
    ++at_;
    if (ascii_iequals(name, "url")) {
      if (at_ < css_.size() && css_[at_] != '"' && css_[at_] != '\'') {
        at_ = std::min(css_.find(')', at_), css_.size());
      }
    } else if (ascii_iequals(name, "attr") && shown_) {
      while (at_ < css_.size() && is_blank(css_[at_])) ++at_;
      const std::size_t from = at_;
      while (at_ < css_.size() && is_name(css_[at_])) ++at_;
      std::string attribute = ascii_lower(css_.substr(from, at_ - from));
      auto& all = out_.attributes;
      if (!attribute.empty() && std::find(all.begin(), all.end(), attribute) == all.end() &&
          all.size() < attributes_max) {
        all.push_back(std::move(attribute));
      }
    }
  }

  std::string_view css_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;  // of the declaration, or of a rule's selectors
  bool has_text_ = false;  // the declaration, but for blanks and comments
  std::size_t colon_ = std::string_view::npos;
  std::string_view property_;
  bool shown_ = false;
  std::vector<std::string> before_;  // whom the rule's content stands before
  std::vector<std::string> after_;
  std::string text_;
  css_text out_;
};

// Four digits at `at`; the two halves of a pair are one character.
std::uint32_t json_unit(std::string_view json, std::size_t& at) {
  std::uint32_t unit = 0;
  const std::size_t n = std::min<std::size_t>(4, json.size() - std::min(at, json.size()));
  const char* const begin = json.data() + at;
  const auto [end, error] = std::from_chars(begin, begin + n, unit, 16);
  if (error != std::errc{}) return 0;
  at += static_cast<std::size_t>(end - begin);
  return unit;
}

void append_json_unit(std::string& out, std::string_view json, std::size_t& at) {
  std::uint32_t c = json_unit(json, at);
  if (c >= 0xD800 && c < 0xDC00 && json.substr(at).starts_with("\\u")) {
    std::size_t next = at + 2;
    const std::uint32_t low = json_unit(json, next);
    if (low >= 0xDC00 && low < 0xE000) {
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
      at = next;
    }
  }
  append_character(out, c);
}

}  // namespace

css_text read_css_text(std::string_view css) {
  return reading_sheet{css}.run();
}

std::vector<css_string> json_strings(std::string_view json) {
  std::vector<css_string> out;
  for (auto at = json.find('"'); at != std::string_view::npos; at = json.find('"', at)) {
    css_string s;
    s.begin = at++;
    while (at < json.size() && json[at] != '"') {
      if (json[at] != '\\' || at + 1 == json.size()) {
        s.text += json[at++];
        continue;
      }
      const char c = json[at + 1];
      at += 2;
      if (c == 'u') {
        append_json_unit(s.text, json, at);
      } else {
        s.text += c == 'n' || c == 'r' || c == 't' ? ' ' : c;
      }
    }
    at = std::min(at + 1, json.size());
    s.end = at;
    if (!s.text.empty()) out.push_back(std::move(s));
  }
  return out;
}

}  // namespace consentry::filters
