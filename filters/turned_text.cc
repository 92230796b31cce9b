#include "filters/turned_text.h"

#include <algorithm>
#include <string>
#include <vector>

#include "filters/html_align.h"

namespace consentry::filters {
namespace {

using range = std::pair<std::size_t, std::size_t>;

constexpr std::string_view override_sign = "\u202e";
constexpr std::size_t sign_octets = 3;

std::size_t character_octets(std::string_view s) {
  std::size_t n = 1;
  while (n < s.size() && (static_cast<unsigned char>(s[n]) & 0xC0) == 0x80) ++n;
  return n;
}

// U+202A to U+202E: embeddings and overrides begin, U+202C ends one.
char direction_sign(std::string_view s) {
  if (!s.starts_with("\xE2\x80") || s.size() < sign_octets) return 0;
  return s[2] >= '\xAA' && s[2] <= '\xAE' ? s[2] : '\0';
}

// Accents that follow their letter: U+0300 to U+036F, U+20D0 to U+20FF, U+FE00 to U+FE0F.
bool is_combining(std::string_view s) {
  if (s.size() < 2) return false;
  const auto a = static_cast<unsigned char>(s[0]);
  const auto b = static_cast<unsigned char>(s[1]);
  if (a == 0xCC || (a == 0xCD && b < 0xB0)) return true;
  if (s.size() < 3) return false;
  const auto c = static_cast<unsigned char>(s[2]);
  return (a == 0xE2 && b == 0x83 && c >= 0x90) || (a == 0xEF && b == 0xB8 && c < 0x90);
}

// What the signs in it turn, up to the sign that ends it or the line's end.
void add_ranges_of_signs(std::string_view text, std::vector<range>& to) {
  for (auto at = text.find(override_sign); at != std::string_view::npos;
       at = text.find(override_sign, at)) {
    const std::size_t begin = at + sign_octets;
    std::size_t deep = 1;
    for (at = begin; at < text.size() && text[at] != '\n'; ++at) {
      const char sign = direction_sign(text.substr(at));
      if (sign == 0) continue;
      deep = sign == '\xAC' ? deep - 1 : deep + 1;
      if (deep == 0) break;
    }
    to.emplace_back(begin, at);
  }
}

std::vector<range> joined(std::vector<range> all) {
  std::sort(all.begin(), all.end());
  std::vector<range> out;
  for (const range& r : all) {
    if (!out.empty() && r.first <= out.back().second) {
      out.back().second = std::max(out.back().second, r.second);
    } else {
      out.push_back(r);
    }
  }
  return out;
}

std::string turned_round(std::string_view line) {
  std::string out(line.size(), '\0');
  std::size_t end = out.size();
  for (std::size_t at = 0; at < line.size();) {
    std::size_t n = character_octets(line.substr(at));
    while (at + n < line.size() && is_combining(line.substr(at + n, sign_octets))) {
      n += character_octets(line.substr(at + n));
    }
    end -= n;
    line.copy(out.data() + end, n, at);
    at += n;
  }
  return out;
}

class drawing {
 public:
  drawing(std::string_view text, const offset_map* map) : text_{text}, map_{map} {}

  mapped_text run(const std::vector<range>& turned) {
    std::size_t at = 0;
    for (const auto& [begin, end] : turned) {
      copy(at, begin);
      for (std::size_t line = begin; line < end;) {
        const std::size_t stop =
            line + std::min(text_.substr(line, end - line).find('\n'), end - line);
        append(turned_round(text_.substr(line, stop - line)), line, stop);
        copy(stop, std::min(stop + 1, end));
        line = stop + 1;
      }
      at = end;
    }
    copy(at, text_.size());
    return std::move(out_);
  }

 private:
  void copy(std::size_t begin, std::size_t end) {
    for (std::size_t n = 0; begin < end; begin += n) {
      n = std::min(character_octets(text_.substr(begin)), end - begin);
      append(text_.substr(begin, n), begin, begin + n);
    }
  }

  void append(std::string_view piece, std::size_t begin, std::size_t end) {
    if (piece.empty()) return;
    const auto [from, to] = map_ == nullptr ? range{begin, end} : map_->original(begin, end);
    append_clamped(out_, piece, from, to);
  }

  std::string_view text_;
  const offset_map* map_;
  mapped_text out_;
};

}  // namespace

bool turns_itself(std::string_view text) noexcept {
  return text.find(override_sign) != std::string_view::npos;
}

mapped_text as_drawn(std::string_view text, const offset_map* map, std::span<const range> turned) {
  std::vector<range> all{turned.begin(), turned.end()};
  add_ranges_of_signs(text, all);
  for (range& r : all) {
    r.second = std::min(r.second, text.size());
    r.first = std::min(r.first, r.second);
  }
  return drawing{text, map}.run(joined(std::move(all)));
}

}  // namespace consentry::filters
