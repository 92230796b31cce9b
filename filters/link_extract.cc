#include "filters/link_extract.h"

#include <unicode/uidna.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "base/check.h"
#include "base/text.h"

namespace consentry::filters {
namespace {

constexpr std::size_t links_max = 10'000;
constexpr std::size_t url_octets_max = 4'096;

bool ends_url(char c) {
  const auto u = static_cast<unsigned char>(c);
  return u <= ' ' || u == 0x7f || c == '<' || c == '>' || c == '"' || c == '`';
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int lower = std::tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

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

std::string to_u_labels(const std::string& host) {
  if (host.find("xn--") == std::string::npos) return host;
  static const UIDNA* const idna = [] {
    UErrorCode status = U_ZERO_ERROR;
    const UIDNA* i = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_UNICODE, &status);
    CONSENTRY_CHECK(U_SUCCESS(status));
    return i;
  }();
  char out[1024];
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  UErrorCode status = U_ZERO_ERROR;
  const int32_t n = uidna_nameToUnicodeUTF8(idna, host.data(), static_cast<int32_t>(host.size()),
                                            out, sizeof out, &info, &status);
  if (U_FAILURE(status) || n <= 0 || n > static_cast<int32_t>(sizeof out)) return host;
  return {out, static_cast<std::size_t>(n)};
}

}  // namespace

std::string host_of(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos && scheme < 12) {
    url.remove_prefix(scheme + 3);
  } else if (url.starts_with("//")) {
    url.remove_prefix(2);
  } else if (!ascii_istarts_with(url, "www.")) {
    return {};
  }
  url = url.substr(0, url.find_first_of("/?#\\"));
  if (const auto at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  if (!url.starts_with('[')) url = url.substr(0, url.find(':'));
  if (url.ends_with('.')) url.remove_suffix(1);
  if (url.size() > 253) return {};
  return to_u_labels(ascii_lower(percent_decoded(url)));
}

link make_link(std::string_view target, std::string_view text, std::size_t begin, std::size_t end) {
  target = trim(target).substr(0, url_octets_max);
  return {percent_decoded(target), host_of(target), std::string{text}, begin, end};
}

std::vector<link> links_of_text(std::string_view text) {
  std::vector<link> out;
  std::size_t at = 0;
  while (out.size() < links_max) {
    at = text.find_first_of("hHfFwW", at);
    if (at == std::string_view::npos) break;
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
