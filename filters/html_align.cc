#include "filters/html_align.h"

#include <algorithm>
#include <cctype>

namespace consentry::filters {
namespace {

constexpr std::size_t entity_octets_max = 40;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

std::size_t character_octets(std::string_view s) {
  std::size_t n = 1;
  while (n < s.size() && (static_cast<unsigned char>(s[n]) & 0xC0) == 0x80) ++n;
  return n;
}

// Octets of the entity at the front of raw; 0 if there is none. Named ones without a semicolon end
// where raw and what follows in the decoded text agree again.
std::size_t entity_octets(std::string_view raw, std::string_view after) {
  std::size_t n = 1;
  if (n < raw.size() && raw[n] == '#') ++n;
  const std::size_t most = std::min(raw.size(), entity_octets_max);
  const std::size_t name = n;
  while (n < most && std::isalnum(static_cast<unsigned char>(raw[n]))) ++n;
  if (n == name) return 0;
  if (n < raw.size() && raw[n] == ';') return n + 1;
  const std::string_view expected = after.substr(0, 4);
  for (std::size_t length = name + 1; length < n; ++length) {
    if (!expected.empty() && raw.substr(length).starts_with(expected)) return length;
  }
  return n;
}

class alignment {
 public:
  alignment(mapped_text& out, std::string_view decoded, std::string_view raw, std::size_t offset)
      : out_{out}, decoded_{decoded}, raw_{raw}, offset_{offset} {}

  void run() {
    while (j_ < decoded_.size()) {
      const std::size_t n = character_octets(decoded_.substr(j_));
      if (i_ >= raw_.size()) {
        emit(n, 0);
      } else if (raw_[i_] == '&') {
        const std::size_t length = entity_octets(raw_.substr(i_), decoded_.substr(j_ + n));
        const bool is_literal =
            length == 0 ||
            (decoded_[j_] == '&' && decoded_.substr(j_, length) == raw_.substr(i_, length));
        emit(n, is_literal ? 1 : length);
      } else if (raw_.substr(i_).starts_with(decoded_.substr(j_, n))) {
        emit(n, n);
      } else if (raw_[i_] == '<') {  // a tag that the parser ignored, or a comment it skipped
        const auto end = raw_.find('>', i_);
        if (end == std::string_view::npos) {
          i_ = raw_.size();
        } else {
          i_ = end + 1;
        }
      } else if (raw_[i_] == '\r') {
        ++i_;
      } else {
        emit(n, character_octets(raw_.substr(i_)));
      }
    }
  }

 private:
  void emit(std::size_t n, std::size_t length) {
    const std::string_view c = decoded_.substr(j_, n);
    const std::size_t begin = offset_ + std::min(i_, raw_.size());
    if (n == 1 && is_blank(c[0])) {
      if (!out_.text.empty() && !is_blank(out_.text.back()))
        append_clamped(out_, " ", begin, begin + length);
    } else {
      append_clamped(out_, c, begin, begin + length);
    }
    i_ += length;
    j_ += n;
  }

  mapped_text& out_;
  std::string_view decoded_;
  std::string_view raw_;
  std::size_t offset_;
  std::size_t i_ = 0;
  std::size_t j_ = 0;
};

}  // namespace

void append_unmapped(mapped_text& out, std::string_view text) {
  out.append(text, out.map.original_end(), 0);
}

void append_clamped(mapped_text& out, std::string_view text, std::size_t begin, std::size_t end) {
  // The parser moves text that stands in tables where it may not; its place is then only near.
  const std::size_t from = std::max(begin, out.map.original_end());
  out.append(text, from, std::max(from, end) - from);
}

void append_aligned(mapped_text& out, std::string_view decoded, std::string_view raw,
                    std::size_t offset) {
  alignment{out, decoded, raw, offset}.run();
}

void append_plain(mapped_text& out, std::string_view raw, std::size_t offset) {
  for (std::size_t i = 0; i < raw.size();) {
    std::size_t end = i;
    while (end < raw.size() && !is_blank(raw[end])) ++end;
    if (end > i) append_clamped(out, raw.substr(i, end - i), offset + i, offset + end);
    if (end == raw.size()) return;
    const std::size_t blank = raw[end] == '\r' && end + 1 < raw.size() ? end + 1 : end;
    if (!out.text.empty() && !is_blank(out.text.back())) {
      append_clamped(out, " ", offset + blank, offset + blank + 1);
    }
    for (i = end; i < raw.size() && is_blank(raw[i]); ++i) {
    }
  }
}

}  // namespace consentry::filters
