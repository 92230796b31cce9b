#include "filters/link_host.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <unicode/uidna.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "filters/link_extract.h"

namespace consentry::filters {
namespace {

constexpr std::size_t host_octets_max = 253;
// Before it is decoded a host may be longer: %65 is one letter, a character of four octets one
// more.
constexpr std::size_t written_octets_max = 12 * host_octets_max;

bool is_slash(char c) {
  return c == '/' || c == '\\';
}

bool is_ascii(std::string_view s) {
  return std::all_of(s.begin(), s.end(), [](char c) { return static_cast<signed char>(c) >= 0; });
}

using converter = decltype(&uidna_nameToUnicodeUTF8);

std::string converted(converter convert, std::string_view host) {
  static const UIDNA* const idna = [] {
    UErrorCode status = U_ZERO_ERROR;
    const UIDNA* i =
        uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_UNICODE | UIDNA_NONTRANSITIONAL_TO_ASCII, &status);
    CONSENTRY_CHECK(U_SUCCESS(status));
    return i;
  }();
  std::array<char, 1024> out{};
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  UErrorCode status = U_ZERO_ERROR;
  const auto n = convert(idna, host.data(), static_cast<std::int32_t>(host.size()), out.data(),
                         static_cast<std::int32_t>(out.size()), &info, &status);
  if (U_FAILURE(status) || n <= 0 || n > static_cast<std::int32_t>(out.size()))
    return std::string{host};
  return {out.data(), static_cast<std::size_t>(n)};
}

std::string to_u_labels(const std::string& host) {
  return host.find("xn--") == std::string::npos ? host : converted(uidna_nameToUnicodeUTF8, host);
}

// What stands behind the scheme and its slashes; nullopt: it is no URL of a host.
std::optional<std::string_view> behind_scheme(std::string_view url) {
  const auto without_slashes = [](std::string_view rest) {
    while (!rest.empty() && is_slash(rest.front())) rest.remove_prefix(1);
    return rest;
  };
  for (const std::string_view scheme : {"http:", "https:", "ftp:"}) {
    // Any number of slashes, none too: browsers go there.
    if (ascii_istarts_with(url, scheme)) return without_slashes(url.substr(scheme.size()));
  }
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos && scheme < 12)
    return url.substr(scheme + 3);
  if (url.size() > 2 && is_slash(url[0]) && is_slash(url[1])) return without_slashes(url);
  if (ascii_istarts_with(url, "www.")) return url;
  return std::nullopt;
}

void drop_dots_behind(std::string& host) {
  while (host.ends_with('.')) host.pop_back();
}

// "127", "0177", "0x7f"; nullopt: no number.
std::optional<std::uint64_t> number_of(std::string_view s) {
  unsigned base = 10;
  if (s.starts_with("0x")) {
    base = 16;
    s.remove_prefix(2);
  } else if (s.size() > 1 && s.front() == '0') {
    base = 8;
    s.remove_prefix(1);
  }
  if (s.size() > 40) return std::nullopt;
  std::uint64_t n = 0;
  for (const char c : s) {
    const unsigned digit = c >= '0' && c <= '9'   ? static_cast<unsigned>(c - '0')
                           : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a') + 10
                                                  : base;
    if (digit >= base) return std::nullopt;
    n = std::min<std::uint64_t>(n * base + digit, 1ULL << 40);
  }
  return n;
}

// WHATWG URL, 3.5: one to four numbers, the last filling what is left.
std::optional<std::string> quad_of(std::string_view host) {
  if (host.empty()) return std::nullopt;
  const bool ends_in_figure = host.back() >= '0' && host.back() <= '9';
  if (!ends_in_figure && host.find("0x") == std::string_view::npos) return std::nullopt;
  const auto parts = split(host, '.');
  if (parts.size() > 4) return std::nullopt;
  std::uint64_t address = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) return std::nullopt;
    const auto n = number_of(parts[i]);
    const bool is_last = i + 1 == parts.size();
    const std::uint64_t bound = is_last ? 1ULL << (8 * (5 - parts.size())) : 256;
    if (!n || *n >= bound) return std::nullopt;
    address = is_last ? address << (8 * (5 - parts.size())) | *n : address << 8 | *n;
  }
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255,
                     address & 255);
}

std::string shortest_ipv6(std::string_view host) {
  const std::string inner{host.substr(1, host.find(']') - 1)};
  in6_addr address{};
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (inet_pton(AF_INET6, inner.c_str(), &address) != 1) return std::string{host};
  if (IN6_IS_ADDR_V4MAPPED(&address))
    return fmt::format("{}.{}.{}.{}", address.s6_addr[12], address.s6_addr[13], address.s6_addr[14],
                       address.s6_addr[15]);
  inet_ntop(AF_INET6, &address, out.data(), out.size());
  return fmt::format("[{}]", out.data());
}

}  // namespace

std::string host_of(std::string_view url) {
  std::string joined;
  const auto is_dropped = [](char c) { return c == '\t' || c == '\r' || c == '\n'; };
  if (std::any_of(url.begin(), url.end(), is_dropped)) {
    std::remove_copy_if(url.begin(), url.end(), std::back_inserter(joined), is_dropped);
    url = joined;
  }
  while (!url.empty() && static_cast<unsigned char>(url.front()) <= ' ') url.remove_prefix(1);
  const auto rest = behind_scheme(url);
  if (!rest) return {};
  const auto host_end = std::find_if(rest->begin(), rest->end(),
                                     [](char c) { return is_slash(c) || c == '?' || c == '#'; });
  auto host = rest->substr(0, static_cast<std::size_t>(host_end - rest->begin()));
  if (const auto at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  host =
      host.starts_with('[') ? host.substr(0, host.find(']') + 1) : host.substr(0, host.find(':'));
  if (host.size() > written_octets_max) return {};
  auto out = ascii_lower(percent_decoded(host));
  drop_dots_behind(out);
  return out.size() > host_octets_max ? std::string{} : to_u_labels(out);
}

std::string comparable_host(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) return shortest_ipv6(host);
  auto out = ascii_lower(host);
  // Empty labels and such are none of ICU's: what is plain stays as it is.
  if (!is_ascii(out) || out.find("xn--") != std::string::npos)
    out = ascii_lower(converted(uidna_nameToASCII_UTF8, out));
  drop_dots_behind(out);
  if (auto quad = quad_of(out)) return std::move(*quad);
  return out;
}

}  // namespace consentry::filters
