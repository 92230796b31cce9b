#include "filters/link_extract.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/text.h"
#include "filters/link_host.h"

namespace consentry::filters {
namespace {

constexpr std::size_t links_max = 10'000;
constexpr std::size_t url_octets_max = 4'096;

bool ends_url(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u <= ' ' || u == 0x7f || c == '<' || c == '>' || c == '"' || c == '`';
}

// Of http, ftp, www.
bool may_begin_link(char c) {
  const auto lower = static_cast<char>(c | 0x20);
  return lower == 'h' || lower == 'w' || lower == 'f';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int lower = std::tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string percent_decoded(std::string_view s) {
  if (s.find('%') == std::string_view::npos) return to_valid_utf8(s);
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%' && i + 2 < s.size() && hex_value(s[i + 1]) >= 0 && hex_value(s[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(s[i + 1]) * 16 + hex_value(s[i + 2]));
      i += 2;
    } else {
      out += s[i];
    }
  }
  return to_valid_utf8(out);
}

link make_link(std::string_view target, std::string_view text, std::size_t begin, std::size_t end) {
  target = trim(target);
  // The host may stand behind more than is kept.
  auto host = host_of(target);
  return {percent_decoded(target.substr(0, url_octets_max)), std::move(host), std::string{text},
          begin, end};
}

std::vector<link> links_of_text(std::string_view text) {
  std::vector<link> out;
  std::size_t at = 0;
  while (out.size() < links_max) {
    while (at < text.size() && !may_begin_link(text[at])) ++at;
    if (at == text.size()) break;
    const bool at_edge = at == 0 || !std::isalnum(static_cast<unsigned char>(text[at - 1]));
    bool is_link = false;
    if (at_edge) {
      const std::string_view rest = text.substr(at, 8);
      for (const std::string_view start : {"http://", "https://", "ftp://", "www."}) {
        is_link = is_link || ascii_istarts_with(rest, start);
      }
    }
    if (!is_link) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && !ends_url(text[end])) ++end;
    const std::size_t next = end;
    constexpr std::string_view punctuation = ".,;:!?)]}'*";
    while (end > at && punctuation.find(text[end - 1]) != std::string_view::npos) --end;
    out.push_back(make_link(text.substr(at, end - at), {}, at, end));
    at = next;
  }
  return out;
}

}  // namespace consentry::filters
