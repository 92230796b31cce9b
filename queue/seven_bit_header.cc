#include "queue/seven_bit_header.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "queue/encoded_text.h"
#include "queue/header_fields.h"
#include "smtp/address.h"
#include "smtp/mime/header_text.h"

namespace consentry::queue {
namespace {

constexpr std::size_t line_octets_max = 998;  // RFC 5322 section 2.1.1
constexpr unsigned comment_depth_max = 20;

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

bool holds_encoded_word(std::string_view text) noexcept {
  return text.find("=?") != std::string_view::npos;
}

// "=?charset?Q?text?=", as RFC 2047 section 2 has it, and nothing else.
bool is_encoded_word(std::string_view word) noexcept {
  if (!word.starts_with("=?") || !word.ends_with("?=") || word.size() > 75) return false;
  const auto inside = word.substr(2, word.size() - 4);
  const auto charset_end = inside.find('?');
  if (charset_end == 0 || charset_end == std::string_view::npos) return false;
  const auto rest = inside.substr(charset_end + 1);
  const char encoding = rest.empty() ? ' ' : static_cast<char>(rest[0] | 0x20);
  return (encoding == 'q' || encoding == 'b') && rest.size() > 2 && rest[1] == '?' &&
         rest.find('?', 2) == std::string_view::npos;
}

std::string unfolded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\r\n")
      ++i;
    else
      out += text[i];
  }
  return out;
}

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view n) { return ascii_iequals(n, name); });
}

// Words, and white space between them, by turns: the first is white space, empty or not.
std::vector<std::string_view> words_and_spaces(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < text.size() || out.empty();) {
    auto end = i;
    while (end < text.size() && is_blank(text[end]) == (out.size() % 2 == 0)) ++end;
    out.push_back(text.substr(i, end - i));
    if (end == i && out.size() > 1) break;
    i = end;
  }
  return out;
}

// Unstructured text (RFC 5322 section 3.2.5): each run of 8-bit words becomes encoded words. White
// space between two encoded words is not shown (RFC 2047 section 6.2), so that between 8-bit words,
// and between one and an encoded word of the sender's, goes into ours.
std::optional<std::string> converted_text(std::string_view text) {
  const auto parts = words_and_spaces(text);
  // What some programs decode and others do not would be shown in two ways.
  const auto is_doubtful = [](std::string_view p) {
    return holds_encoded_word(p) && !is_encoded_word(p);
  };
  if (std::any_of(parts.begin(), parts.end(), is_doubtful)) return std::nullopt;
  std::string out;
  bool follows_encoded = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool is_space = i % 2 == 0;
    const bool is_wide_next = is_space && i + 1 < parts.size() && !is_ascii(parts[i + 1]);
    if (!is_wide_next) {
      out += parts[i];
      if (!is_space) follows_encoded = is_encoded_word(parts[i]);
      continue;
    }
    std::string run;
    if (follows_encoded) run = parts[i];
    out += parts[i].empty() ? "" : follows_encoded ? " " : parts[i];
    std::size_t last = i + 1;
    while (last + 2 < parts.size() && !is_ascii(parts[last + 2])) last += 2;
    for (auto p = i + 1; p <= last; ++p) run += parts[p];
    const bool precedes_encoded = last + 2 < parts.size() && is_encoded_word(parts[last + 2]);
    if (precedes_encoded) run += parts[last + 1];
    out += encoded_words(run);
    if (precedes_encoded) {
      out += ' ';
      out += parts[last + 2];
      follows_encoded = true;
      i = last + 2;
    } else {
      follows_encoded = false;
      i = last;
    }
  }
  return out;
}

enum class piece_kind : std::uint8_t { space, word, quoted, comment, angle, special };
struct piece {
  piece_kind kind;
  std::string_view text;
};

// The end of a quoted string or comment that begins at `at`; npos: it has none.
std::size_t end_of_quoted(std::string_view text, std::size_t at) noexcept {
  for (auto i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return std::string_view::npos;
}

std::size_t end_of_comment(std::string_view text, std::size_t at) noexcept {
  unsigned depth = 0;
  for (auto i = at; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '(' && ++depth > comment_depth_max)
      return std::string_view::npos;
    else if (text[i] == ')' && --depth == 0)
      return i + 1;
  }
  return std::string_view::npos;
}

std::size_t end_of_angle(std::string_view text, std::size_t at) noexcept {
  for (auto i = at + 1; i < text.size(); ++i) {
    if (text[i] == '>') return i + 1;
    if (text[i] != '"') continue;
    i = end_of_quoted(text, i);
    if (i == std::string_view::npos) return i;
    --i;
  }
  return std::string_view::npos;
}

// The tokens of an address list (RFC 5322 sections 3.2 and 3.4); nullopt: something is not closed.
std::optional<std::vector<piece>> pieces_of(std::string_view text) {
  constexpr std::string_view ends_word = "\"(<,:; \t";
  std::vector<piece> out;
  for (std::size_t i = 0; i < text.size();) {
    auto kind = piece_kind::word;
    std::size_t end = i + 1;
    if (is_blank(text[i])) {
      kind = piece_kind::space;
      while (end < text.size() && is_blank(text[end])) ++end;
    } else if (text[i] == '"') {
      kind = piece_kind::quoted;
      end = end_of_quoted(text, i);
    } else if (text[i] == '(') {
      kind = piece_kind::comment;
      end = end_of_comment(text, i);
    } else if (text[i] == '<') {
      kind = piece_kind::angle;
      end = end_of_angle(text, i);
    } else if (text[i] == ',' || text[i] == ':' || text[i] == ';') {
      kind = piece_kind::special;
    } else {
      while (end < text.size() && ends_word.find(text[end]) == std::string_view::npos) ++end;
    }
    if (end == std::string_view::npos) return std::nullopt;
    out.push_back({.kind = kind, .text = text.substr(i, end - i)});
    i = end;
  }
  return out;
}

std::optional<std::string> converted_comment(std::string_view comment) {
  if (is_ascii(comment)) return std::string{comment};
  const auto inside = comment.substr(1, comment.size() - 2);
  if (inside.find_first_of("()\\") != std::string_view::npos) return std::nullopt;
  const auto text = converted_text(inside);
  return text ? std::optional{"(" + *text + ")"} : std::nullopt;
}

// local@domain, in angle brackets or not, with the domain as A-labels.
std::optional<std::string> converted_address(std::string_view text) {
  if (is_ascii(text)) return std::string{text};
  const bool has_brackets = text.starts_with('<') && text.ends_with('>');
  const auto bare = has_brackets ? text.substr(1, text.size() - 2) : text;
  const auto at = bare.rfind('@');
  if (at == std::string_view::npos || !is_ascii(bare.substr(0, at))) return std::nullopt;
  const auto domain = smtp::ascii_domain(bare.substr(at + 1));
  if (!domain) return std::nullopt;
  auto out = std::string{bare.substr(0, at + 1)} + *domain;
  return has_brackets ? "<" + out + ">" : out;
}

// What is between the quotes, without backslashes.
std::string unquoted(std::string_view quoted) {
  std::string out;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    if (quoted[i] == '\\' && i + 2 < quoted.size()) ++i;
    out += quoted[i];
  }
  return out;
}

using piece_run = std::vector<piece>;

// A display name: as a whole, once something in it is 8-bit.
std::optional<std::string> converted_phrase(const piece_run& run) {
  const auto is_name = [](const piece& p) {
    return p.kind == piece_kind::word || p.kind == piece_kind::quoted;
  };
  const auto first = std::find_if(run.begin(), run.end(), is_name);
  const auto last = std::find_if(run.rbegin(), run.rend(), is_name).base();
  const bool is_wide = std::any_of(run.begin(), run.end(),
                                   [&](const piece& p) { return is_name(p) && !is_ascii(p.text); });
  std::string out, name;
  for (auto p = run.begin(); p != run.end(); ++p) {
    if (is_wide && p >= first && p < last) {
      if (p->kind == piece_kind::comment) return std::nullopt;
      name += p->kind == piece_kind::quoted ? unquoted(p->text) : std::string{p->text};
      if (p + 1 != last) continue;
      if (holds_encoded_word(name)) return std::nullopt;
      out += encoded_words(name);
    } else if (p->kind == piece_kind::comment) {
      const auto comment = converted_comment(p->text);
      if (!comment) return std::nullopt;
      out += *comment;
    } else {
      out += p->text;
    }
  }
  // An encoded word ends where white space or a bracket does (RFC 2047 section 5).
  if (is_wide && last == run.end()) out += ' ';
  return out;
}

// What stands between commas without angle brackets: an address with comments.
std::optional<std::string> converted_bare(const piece_run& run) {
  std::string out;
  for (const auto& p : run) {
    const auto text =
        p.kind == piece_kind::comment ? converted_comment(p.text) : converted_address(p.text);
    if (!text) return std::nullopt;
    out += *text;
  }
  return out;
}

// Addresses, groups and message identifiers with names; List-Id too (RFC 2919).
std::optional<std::string> converted_addresses(std::string_view value) {
  const auto all = pieces_of(value);
  if (!all) return std::nullopt;
  std::string out;
  piece_run run;
  const auto add = [&out](const std::optional<std::string>& text) {
    if (text) out += *text;
    return text.has_value();
  };
  for (const auto& p : *all) {
    const bool ends_phrase =
        p.kind == piece_kind::angle || (p.kind == piece_kind::special && p.text == ":");
    const bool ends_address = p.kind == piece_kind::special && !ends_phrase;
    if (!ends_phrase && !ends_address) {
      run.push_back(p);
      continue;
    }
    if (!add(ends_phrase ? converted_phrase(run) : converted_bare(run))) return std::nullopt;
    run.clear();
    if (!add(p.kind == piece_kind::angle ? converted_address(p.text) : std::string{p.text}))
      return std::nullopt;
  }
  if (!add(converted_bare(run))) return std::nullopt;
  return out;
}

// "attachment; filename=..": the parameters that are 8-bit as extended ones.
std::optional<std::string> converted_parameters(std::string_view value) {
  std::vector<std::string_view> parts;  // by semicolons outside of quotes
  std::size_t begin = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '(') return std::nullopt;
    if (value[i] == '"') {
      i = end_of_quoted(value, i);
      if (i == std::string_view::npos) return std::nullopt;
      --i;
    } else if (value[i] == ';') {
      parts.push_back(value.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  parts.push_back(value.substr(begin));
  std::string out{parts[0]};
  for (std::size_t n = 1; n < parts.size(); ++n) {
    out += ';';
    if (is_ascii(parts[n])) {
      out += parts[n];
      continue;
    }
    const auto equals = parts[n].find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto name = trim(parts[n].substr(0, equals));
    const auto given = trim(parts[n].substr(equals + 1));
    const bool is_quoted = given.size() > 1 && given.starts_with('"') && given.ends_with('"');
    const auto text = is_quoted ? unquoted(given) : std::string{given};
    // Two forms of one parameter may say two things.
    const auto has_other = std::any_of(parts.begin(), parts.end(), [&](std::string_view p) {
      const auto other = trim(p.substr(0, p.find('=')));
      return other.find('*') != std::string_view::npos &&
             ascii_iequals(other.substr(0, other.find('*')), name);
    });
    const bool is_plain_name = is_ascii(name) && name.find_first_of("*'% ") == name.npos;
    if (!is_plain_name || has_other || holds_encoded_word(text) || name.size() > 30 ||
        ascii_iequals(name, "boundary"))
      return std::nullopt;
    out += ' ' + extended_parameter(name, text);
  }
  return is_ascii(parts[0]) ? std::optional{std::move(out)} : std::nullopt;
}

constexpr std::array<std::string_view, 13> address_fields{
    "from",       "sender",      "reply-to",      "to",        "cc",
    "bcc",        "resent-from", "resent-sender", "resent-to", "resent-cc",
    "resent-bcc", "list-id",     "mail-reply-to"};
constexpr std::array<std::string_view, 2> parameter_fields{"content-type", "content-disposition"};
// Their syntax has no place for encoded words, or a program reads them.
constexpr std::array<std::string_view, 13> other_structured{
    "date",          "message-id",  "in-reply-to",  "references",
    "received",      "return-path", "mime-version", "content-transfer-encoding",
    "content-id",    "feedback-id", "cfbl-address", "authentication-results",
    "dkim-signature"};

std::optional<std::string> converted_value(std::string_view name, std::string_view value) {
  if (is_one_of(name, address_fields)) return converted_addresses(value);
  if (is_one_of(name, parameter_fields)) return converted_parameters(value);
  if (is_one_of(name, other_structured) || ascii_istarts_with(name, "arc-") ||
      ascii_istarts_with(name, "list-"))
    return std::nullopt;
  return converted_text(value);
}

bool has_short_lines(std::string_view field) {
  for (const auto line : split(field, '\n'))
    if (line.size() > line_octets_max + 1) return false;  // with its CR
  return true;
}

}  // namespace

std::optional<std::string> to_seven_bit_header(std::string_view header,
                                               std::string_view charset_hint) {
  std::string out;
  out.reserve(header.size() * 2);
  for (const auto& f : split_header(header).fields) {
    if (is_ascii(f.whole)) {
      out += f.whole;
      continue;
    }
    const auto colon = f.whole.find(':');
    if (f.name.empty() || !is_ascii(f.name)) return std::nullopt;
    auto value = unfolded(f.whole.substr(colon + 1));
    if (!is_valid_utf8(value)) {
      std::string label{charset_hint};
      value = smtp::mime::to_utf8(value, label);
    }
    const auto converted = converted_value(f.name, value);
    if (!converted || !is_ascii(*converted)) return std::nullopt;
    const auto field = folded(std::string{f.whole.substr(0, colon + 1)} + *converted);
    if (!has_short_lines(field)) return std::nullopt;
    out += field;
  }
  return out;
}

}  // namespace consentry::queue
