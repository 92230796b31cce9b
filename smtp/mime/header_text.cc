#include "smtp/mime/header_text.h"

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "smtp/mime/transfer_decoding.h"

namespace consentry::smtp::mime {
namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

bool is_only_blank(std::string_view s) noexcept {
  return s.find_first_not_of(" \t") == std::string_view::npos;
}

// =?charset*language?B?text?= at the start of what is given.
struct encoded_word {
  std::string charset;
  std::string bytes;
  std::size_t length = 0;
};

std::string decode_q(std::string_view text) {
  std::string spaced{text};
  for (char& c : spaced)
    if (c == '_') c = ' ';
  return decode_quoted_printable(spaced, spaced.size()).bytes;
}

constexpr std::size_t charset_bytes_max = 64;

class word_reader {
 public:
  explicit word_reader(std::string_view text) noexcept : text_{text} {}

  std::optional<encoded_word> at(std::size_t begin) {
    const std::size_t charset_begin = begin + 2;
    std::size_t i = charset_begin;
    while (i < text_.size() && i - charset_begin <= charset_bytes_max && text_[i] != '?' &&
           !is_blank(text_[i]))
      ++i;
    if (i == charset_begin || i + 2 >= text_.size() || text_[i] != '?' || text_[i + 2] != '?')
      return std::nullopt;
    const char encoding = static_cast<char>(text_[i + 1] | 0x20);
    if (encoding != 'q' && encoding != 'b') return std::nullopt;
    const std::size_t data = i + 3;
    const std::size_t end = end_after(data);
    if (end == std::string_view::npos) return std::nullopt;
    encoded_word word;
    const std::string_view charset = text_.substr(charset_begin, i - charset_begin);
    word.charset = ascii_lower(charset.substr(0, charset.find('*')));  // RFC 2231 section 5
    const std::string_view encoded = text_.substr(data, end - data);
    word.bytes = encoding == 'q' ? decode_q(encoded) : decode_base64(encoded, encoded.size()).bytes;
    word.length = end + 2 - begin;
    return word;
  }

 private:
  // Remembered, so that many false starts do not search the rest again and again.
  std::size_t end_after(std::size_t from) {
    if (next_end_ != std::string_view::npos && next_end_ < from) searched_ = false;
    if (!searched_) next_end_ = text_.find("?=", from);
    searched_ = true;
    return next_end_;
  }

  std::string_view text_;
  std::size_t next_end_ = 0;
  bool searched_ = false;
};

std::string unfolded(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  for (const char c : raw)
    if (c != '\r' && c != '\n') out.push_back(c);
  return out;
}

std::string plain_to_utf8(std::string_view bytes) {
  std::string label;
  return to_utf8(bytes, label);
}

std::string decode_words(std::string_view text) {
  std::string out;
  std::string pending;  // bytes of adjacent words of one charset: a character may be split over two
  std::string pending_charset;
  const auto flush = [&] {
    if (!pending.empty()) out += to_utf8(pending, pending_charset);
    pending.clear();
  };
  word_reader words{text};
  std::size_t plain_begin = 0;
  bool after_word = false;
  for (std::size_t at = text.find("=?"); at != std::string_view::npos;) {
    const auto word = words.at(at);
    if (!word) {
      at = text.find("=?", at + 1);
      continue;
    }
    const std::string_view between = text.substr(plain_begin, at - plain_begin);
    if (!after_word || !is_only_blank(between)) {
      flush();
      out += plain_to_utf8(between);
    }
    if (word->charset != pending_charset) flush();
    pending_charset = word->charset;
    pending += word->bytes;
    after_word = true;
    plain_begin = at + word->length;
    at = text.find("=?", plain_begin);
  }
  flush();
  out += plain_to_utf8(text.substr(plain_begin));
  return out;
}

// Over one structured value: quoted strings, comments, tokens (RFC 2045 section 5.1), forgiving.
class parameter_reader {
 public:
  explicit parameter_reader(std::string_view text) noexcept : rest_{text} {}

  bool at_end() const noexcept { return rest_.empty(); }

  // Up to the next ";", without comments and blanks, lower case.
  std::string value() {
    std::string out;
    while (!rest_.empty() && rest_[0] != ';') {
      if (rest_[0] == '(') {
        skip_comment();
        continue;
      }
      if (!is_blank(rest_[0])) out.push_back(rest_[0]);
      rest_.remove_prefix(1);
    }
    return ascii_lower(out);
  }

  void skip_separators() {
    while (!rest_.empty() && (rest_[0] == ';' || is_blank(rest_[0]) || rest_[0] == '(')) {
      if (rest_[0] == '(')
        skip_comment();
      else
        rest_.remove_prefix(1);
    }
  }

  // Name and value of the next parameter; nullopt for something without "=", which is skipped.
  std::optional<std::pair<std::string, std::string>> parameter() {
    const std::size_t end = rest_.find_first_of("=;");
    if (end == std::string_view::npos || rest_[end] == ';') {
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
      return std::nullopt;
    }
    std::string name = ascii_lower(trim(rest_.substr(0, end)));
    rest_.remove_prefix(end + 1);
    while (!rest_.empty() && is_blank(rest_[0])) rest_.remove_prefix(1);
    if (!rest_.empty() && rest_[0] == '"') return std::pair{std::move(name), quoted()};
    const std::size_t stop = std::min(rest_.find(';'), rest_.size());
    std::string_view value = trim(rest_.substr(0, stop));
    rest_.remove_prefix(stop);
    if (const auto comment = value.find(" ("); comment != std::string_view::npos)
      value = trim(value.substr(0, comment));
    return std::pair{std::move(name), std::string{value}};
  }

 private:
  std::string quoted() {
    rest_.remove_prefix(1);
    std::string out;
    std::size_t i = 0;
    for (; i < rest_.size() && rest_[i] != '"'; ++i) {
      // Only these two are escaped in practice: file names come with bare backslashes.
      if (rest_[i] == '\\' && i + 1 < rest_.size() && (rest_[i + 1] == '"' || rest_[i + 1] == '\\'))
        ++i;
      out.push_back(rest_[i]);
    }
    rest_.remove_prefix(std::min(i + 1, rest_.size()));
    return out;
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
    rest_.remove_prefix(std::min(i + 1, rest_.size()));
  }

  std::string_view rest_;
};

std::string percent_decoded(std::string_view s) {
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%' && i + 2 < s.size()) {
      if (const auto byte = parse_hex(s.substr(i + 1, 2))) {
        out += *byte;
        i += 2;
        continue;
      }
    }
    out.push_back(s[i]);
  }
  return out;
}

// The pieces of one RFC 2231 parameter: name*0*, name*1, name*.
struct extended_parameter {
  std::map<unsigned, std::pair<std::string, bool>> pieces;  // value, percent-encoded

  std::string joined() const {
    std::string charset;
    std::string bytes;
    bool first = true;
    for (const auto& [number, piece] : pieces) {
      std::string_view value = piece.first;
      if (first && piece.second) {
        const auto quote = value.find('\'');
        const auto second = quote == std::string_view::npos ? quote : value.find('\'', quote + 1);
        if (second != std::string_view::npos) {
          charset = value.substr(0, quote);
          value.remove_prefix(second + 1);
        }
      }
      first = false;
      bytes += piece.second ? percent_decoded(value) : std::string{value};
    }
    return to_utf8(bytes, charset);
  }
};

// "filename*0*" gives {"filename", 0, true}; nullopt if the name is an ordinary one.
struct extended_name {
  std::string base;
  unsigned number = 0;
  bool is_encoded = false;
};
std::optional<extended_name> parse_extended_name(std::string_view name) {
  const auto star = name.find('*');
  if (star == std::string_view::npos || star == 0) return std::nullopt;
  extended_name out{std::string{name.substr(0, star)}, 0, false};
  std::string_view tail = name.substr(star + 1);
  if (tail.empty() || tail.back() == '*') {
    out.is_encoded = true;
    if (!tail.empty()) tail.remove_suffix(1);
  }
  if (tail.size() > 4) return std::nullopt;
  for (const char c : tail) {
    if (c < '0' || c > '9') return std::nullopt;
    out.number = out.number * 10 + static_cast<unsigned>(c - '0');
  }
  return out;
}

}  // namespace

std::string decode_header(std::string_view raw) {
  const std::string line = unfolded(raw);
  return decode_words(trim(line));
}

std::pair<std::string, std::map<std::string, std::string>> parse_parameters(std::string_view raw) {
  const std::string line = unfolded(raw);
  parameter_reader reader{line};
  std::pair<std::string, std::map<std::string, std::string>> out;
  out.first = plain_to_utf8(reader.value());
  std::map<std::string, extended_parameter> extended;
  for (reader.skip_separators(); !reader.at_end(); reader.skip_separators()) {
    auto parameter = reader.parameter();
    if (!parameter || parameter->first.empty()) continue;
    auto& [name, value] = *parameter;
    if (const auto ext = parse_extended_name(name)) {
      extended[ext->base].pieces.try_emplace(ext->number, std::move(value), ext->is_encoded);
    } else if (is_ascii(name)) {
      // A boundary is compared byte for byte; all else is for people (RFC 2047 in file names is
      // forbidden and common).
      out.second.try_emplace(name, name == "boundary" ? value : decode_words(value));
    }
  }
  for (const auto& [name, parameter] : extended) out.second[name] = parameter.joined();
  return out;
}

}  // namespace consentry::smtp::mime
