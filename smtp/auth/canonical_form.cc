#include "smtp/auth/canonical_form.h"

#include <algorithm>

#include "base/text.h"

namespace consentry::smtp::auth {
namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

std::string_view without_trailing_blanks(std::string_view s) noexcept {
  while (!s.empty() && is_blank(s.back())) s.remove_suffix(1);
  return s;
}

// Runs of blanks become one space.
void append_squeezed(std::string& out, std::string_view line) {
  for (std::size_t i = 0; i < line.size();) {
    if (is_blank(line[i])) {
      out.push_back(' ');
      while (i < line.size() && is_blank(line[i])) ++i;
      continue;
    }
    const std::size_t begin = i;
    while (i < line.size() && !is_blank(line[i])) ++i;
    out.append(line.substr(begin, i - begin));
  }
}

}  // namespace

std::string_view field_name(std::string_view field) noexcept {
  const auto colon = field.find(':');
  if (colon == std::string_view::npos) return {};
  return without_trailing_blanks(field.substr(0, colon));
}

std::string relaxed_field(std::string_view field) {
  const bool has_end = field.ends_with("\r\n");
  if (has_end) field.remove_suffix(2);
  const auto colon = std::min(field.find(':'), field.size());
  std::string unfolded;
  unfolded.reserve(field.size());
  for (std::size_t i = std::min(colon + 1, field.size()); i < field.size(); ++i) {
    const bool is_fold = field[i] == '\r' && i + 1 < field.size() && field[i + 1] == '\n';
    if (is_fold)
      ++i;
    else
      unfolded.push_back(field[i]);
  }
  std::string_view value = without_trailing_blanks(unfolded);
  while (!value.empty() && is_blank(value[0])) value.remove_prefix(1);
  std::string out = ascii_lower(field_name(field)) + ":";
  append_squeezed(out, value);
  if (has_end) out += "\r\n";
  return out;
}

std::string relaxed_body(std::string_view body) {
  std::string out;
  out.reserve(body.size() + 2);
  std::size_t empty_lines = 0;  // they count only if a line with text follows
  while (!body.empty()) {
    const auto end = body.find("\r\n");
    const std::string_view line = without_trailing_blanks(body.substr(0, end));
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 2);
    if (line.empty()) {
      ++empty_lines;
      continue;
    }
    for (; empty_lines > 0; --empty_lines) out += "\r\n";
    append_squeezed(out, line);
    out += "\r\n";
  }
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
