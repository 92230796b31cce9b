#include "smtp/auth/canonical_form.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace consentry::smtp::auth {
namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

std::string_view without_trailing_blanks(std::string_view s) noexcept {
  while (!s.empty() && is_blank(s.back())) s.remove_suffix(1);
  return s;
}

constexpr std::uint64_t every_octet = 0x0101010101010101;

// The highest bit of each octet that equals c; exact, no octet disturbs its neighbour.
std::uint64_t octets_equal(std::uint64_t eight, char c) noexcept {
  constexpr std::uint64_t low = every_octet * 0x7f;
  const std::uint64_t x = eight ^ (every_octet * static_cast<unsigned char>(c));
  return ~(((x & low) + low) | x | low);
}

// How many of the eight octets at p, none to eight, are copied as they are: up to the first that
// ends a line, is a tab, or is a space that may not be alone.
unsigned plain_octets(const char* p) noexcept {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t eight = 0;
  std::memcpy(&eight, p, sizeof eight);
  const auto space = octets_equal(eight, ' ');
  const auto other = octets_equal(eight, '\t') | octets_equal(eight, '\r');
  constexpr std::uint64_t last = std::uint64_t{0x80} << 56;
  const auto stops = other | (space & (((space | other) >> 8) | last));
  return static_cast<unsigned>(std::countr_zero(stops)) / 8;
}

// Collects what it is given and passes it on when there is enough.
class piece_buffer {
 public:
  explicit piece_buffer(const std::function<void(std::string_view)>& take) : take_{take} {}

  void put(char c) {
    make_room(1);
    octets_[used_++] = c;
  }
  void put_line_end() {
    make_room(2);
    octets_[used_++] = '\r';
    octets_[used_++] = '\n';
  }
  // The plain octets from p on, of which left are there; the number of them.
  std::size_t put_plain(const char* p, std::size_t left) {
    std::size_t done = 0;
    while (left - done >= 8) {
      make_room(8);
      std::memcpy(octets_.data() + used_, p + done, 8);
      const unsigned n = plain_octets(p + done);
      used_ += n;
      done += n;
      if (n < 8) break;
    }
    return done;
  }
  void pass_on() {
    if (used_ > 0) take_({octets_.data(), used_});
    used_ = 0;
  }

 private:
  void make_room(std::size_t n) {
    if (octets_.size() - used_ < n) pass_on();
  }

  const std::function<void(std::string_view)>& take_;
  std::array<char, 16384> octets_;
  std::size_t used_ = 0;
};

}  // namespace

std::string_view field_name(std::string_view field) noexcept {
  const auto colon = field.find(':');
  if (colon == std::string_view::npos) return {};
  return without_trailing_blanks(field.substr(0, colon));
}

void append_relaxed_field(std::string& out, std::string_view field) {
  const bool has_end = field.ends_with("\r\n");
  if (has_end) field.remove_suffix(2);
  const auto colon = std::min(field.find(':'), field.size());
  for (const char c : field_name(field)) out += lower(c);
  out += ':';
  bool has_text = false, has_blank = false;
  for (std::size_t i = std::min(colon + 1, field.size()); i < field.size(); ++i) {
    const char c = field[i];
    if (c == '\r' && i + 1 < field.size() && field[i + 1] == '\n') {
      ++i;
    } else if (is_blank(c)) {
      has_blank = true;
    } else {
      if (has_blank && has_text) out += ' ';
      out += c;
      has_blank = false;
      has_text = true;
    }
  }
  if (has_end) out += "\r\n";
}

std::string relaxed_field(std::string_view field) {
  std::string out;
  out.reserve(field.size() + 1);
  append_relaxed_field(out, field);
  return out;
}

void relaxed_body(std::string_view body, const std::function<void(std::string_view)>& take) {
  piece_buffer out{take};
  std::size_t empty_lines = 0;  // they count only if a line with text follows
  bool has_text = false, has_blank = false;
  const char* p = body.data();
  const char* const end = p + body.size();
  while (p < end) {
    if (*p == '\r' && end - p > 1 && p[1] == '\n') {
      if (has_text)
        out.put_line_end();
      else
        ++empty_lines;
      has_text = has_blank = false;
      p += 2;
    } else if (is_blank(*p)) {
      has_blank = true;
      ++p;
    } else {
      for (; empty_lines > 0; --empty_lines) out.put_line_end();
      if (has_blank) out.put(' ');
      has_blank = false;
      has_text = true;
      out.put(*p++);
      p += out.put_plain(p, static_cast<std::size_t>(end - p));
    }
  }
  if (has_text) out.put_line_end();
  out.pass_on();
}

std::string relaxed_body(std::string_view body) {
  std::string out;
  out.reserve(body.size() + 2);
  relaxed_body(body, [&out](std::string_view piece) { out += piece; });
  return out;
}

std::vector<std::string_view> split_fields(std::string_view header_block) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  bool in_field = false;
  for (std::size_t pos = 0; pos < header_block.size();) {
    auto next = header_block.find("\r\n", pos);
    next = next == std::string_view::npos ? header_block.size() : next + 2;
    if (!is_blank(header_block[pos])) {
      if (in_field) out.push_back(header_block.substr(begin, pos - begin));
      begin = pos;
      in_field = true;
    }
    pos = next;
  }
  if (in_field) out.push_back(header_block.substr(begin));
  return out;
}

}  // namespace consentry::smtp::auth
