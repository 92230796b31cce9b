#include "queue/encoded_text.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace consentry::queue {
namespace {

constexpr std::size_t word_octets_max = 64;
constexpr std::string_view word_begin_q = "=?utf-8?Q?", word_begin_b = "=?utf-8?B?",
                           word_end = "?=";
constexpr std::size_t room = word_octets_max - word_begin_q.size() - word_end.size();
constexpr std::size_t parameter_piece_max = 36;
constexpr std::size_t line_octets_wanted = 76, line_octets_max = 998;  // RFC 5322 section 2.1.1

bool is_letter_or_digit(unsigned char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// What may stand for itself in a phrase's encoded word (RFC 2047 section 5 (3)).
bool is_plain_q(unsigned char c) noexcept {
  return is_letter_or_digit(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

// RFC 2231 section 7, attribute-char; RFC 5987 leaves out the same.
bool is_plain_parameter(unsigned char c) noexcept {
  return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '!' || c == '+';
}

std::string escaped(char sign, unsigned char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  return {sign, digits[c >> 4], digits[c & 15]};
}

std::string q_form(std::string_view character) {
  std::string out;
  for (const char c : character) {
    const auto u = static_cast<unsigned char>(c);
    if (c == ' ')
      out += '_';
    else if (is_plain_q(u))
      out += c;
    else
      out += escaped('=', u);
  }
  return out;
}

// The characters of valid UTF-8.
std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t n = 1;
    while (i + n < text.size() && (static_cast<unsigned char>(text[i + n]) & 0xc0) == 0x80) ++n;
    out.push_back(text.substr(i, n));
    i += n;
  }
  return out;
}

std::string words_q(std::string_view text) {
  std::string out, word;
  const auto close = [&] {
    if (word.empty()) return;
    if (!out.empty()) out += ' ';
    out.append(word_begin_q).append(word).append(word_end);
    word.clear();
  };
  for (const auto c : characters(text)) {
    const auto form = q_form(c);
    if (word.size() + form.size() > room) close();
    word += form;
  }
  close();
  return out;
}

std::string words_b(std::string_view text) {
  constexpr std::size_t bytes_max = room / 4 * 3;
  std::string out, word;
  const auto close = [&] {
    if (word.empty()) return;
    if (!out.empty()) out += ' ';
    out.append(word_begin_b).append(base64(word)).append(word_end);
    word.clear();
  };
  for (const auto c : characters(text)) {
    if (word.size() + c.size() > bytes_max) close();
    word += c;
  }
  close();
  return out;
}

}  // namespace

std::string encoded_words(std::string_view text) {
  auto q = words_q(text), b = words_b(text);
  // What people can half read, unless it is much longer.
  return q.size() <= b.size() + b.size() / 4 ? q : b;
}

std::string extended_parameter(std::string_view name, std::string_view text) {
  std::vector<std::string> pieces(1);
  for (const auto character : characters(text)) {
    std::string form;
    for (const char c : character) {
      const auto u = static_cast<unsigned char>(c);
      form += is_plain_parameter(u) ? std::string(1, c) : escaped('%', u);
    }
    if (pieces.back().size() + form.size() > parameter_piece_max) pieces.emplace_back();
    pieces.back() += form;
  }
  std::string out;
  for (std::size_t n = 0; n < pieces.size(); ++n) {
    out.append(n == 0 ? "" : "; ").append(name).append("*");
    if (pieces.size() > 1) out.append(std::to_string(n)).append("*");
    out.append(n == 0 ? "=utf-8''" : "=").append(pieces[n]);
  }
  return out;
}

std::string folded(std::string_view field) {
  std::string flat;
  flat.reserve(field.size());
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field.substr(i, 2) == "\r\n")
      ++i;
    else
      flat += field[i];
  }
  std::string out;
  std::size_t column = 0;
  bool has_word = false;  // behind the colon
  for (std::size_t i = 0; i < flat.size();) {
    // White space and the word behind it stay together; so no line holds white space alone.
    const auto word = std::min(flat.find_first_not_of(" \t", i), flat.size());
    const auto end = std::min(flat.find_first_of(" \t", word), flat.size());
    const auto chunk = std::string_view{flat}.substr(i, end - i);
    const bool can_fold = i > 0 && word > i && word < flat.size();
    // Some readers show the white space of a fold before the first word; but encoded words stand in
    // lines of 76 (RFC 2047 section 2).
    const bool may_fold =
        has_word || chunk.find("=?") != chunk.npos || column + chunk.size() > line_octets_max;
    if (can_fold && may_fold && column + chunk.size() > line_octets_wanted) {
      out += "\r\n";
      column = 0;
    }
    out += chunk;
    column += chunk.size();
    has_word = has_word || i > 0;
    i = end;
  }
  return out += "\r\n";
}

}  // namespace consentry::queue
