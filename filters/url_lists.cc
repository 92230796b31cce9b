#include "filters/url_lists.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strict_toml.h"
#include "base/text.h"
#include "filters/link_host.h"

namespace consentry::filters {
namespace {

constexpr std::size_t label_octets_max = 63;
constexpr std::size_t host_octets_max = 253;

bool is_address(std::string_view host) {
  return host.starts_with('[') ||
         (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

bool is_label(std::string_view s) {
  return !s.empty() && s.size() <= label_octets_max && s.front() != '-' && s.back() != '-' &&
         std::all_of(s.begin(), s.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

bool is_domain(std::string_view host) {
  const auto labels = split(host, '.');
  return host.size() <= host_octets_max && labels.size() >= 2 &&
         std::all_of(labels.begin(), labels.end(), is_label);
}

// What is wrong with a line, and a hint; empty: nothing.
std::pair<std::string, std::string> wrong_with(std::string_view written, std::string_view host) {
  const auto shown = "\"" + printable(written, 80) + "\"";
  if (written.find("*") != std::string_view::npos)
    return {shown + " is not a domain", "sub-domains are meant without \"*.\""};
  if (host.starts_with('[') && host.find_first_not_of("[]:.0123456789abcdef") == host.npos)
    return {};
  if (written.find_first_of("/:@ \t") != std::string_view::npos)
    return {shown + " is not a domain", "one domain a line, without scheme, port and path"};
  if (is_address(host)) return {};
  if (is_domain(host)) return {};
  if (is_label(host)) return {shown + " is a whole top-level domain", "name a domain below it"};
  return {shown + " is not a domain", ""};
}

}  // namespace

std::string_view last_label_of(std::string_view host) {
  if (is_address(host)) return host;
  const auto dot = host.rfind('.');
  return dot == std::string_view::npos ? host : host.substr(dot + 1);
}

std::string_view host_list::find(std::string_view host) const {
  if (host.empty() || !may_hold(last_label_of(host))) return {};
  const bool has_parents = !is_address(host);
  for (;;) {
    if (const auto at = entries_.find(host); at != entries_.end()) return at->first;
    const auto dot = host.find('.');
    if (!has_parents || dot == std::string_view::npos) return {};
    host.remove_prefix(dot + 1);
  }
}

host_list parse_host_list(std::string_view text, const std::string& name) {
  host_list out;
  int number = 0;
  for (auto line : split(text, '\n')) {
    ++number;
    line = trim(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    read_or_note([&] {
      // IPv6 with or without its brackets; a port has one colon.
      const bool is_ipv6 = line.find(':') != line.rfind(':') && line.find('/') == line.npos;
      auto host = comparable_host(is_ipv6 && line.front() != '[' ? fmt::format("[{}]", line)
                                                                 : std::string{line});
      auto [wrong, hint] = wrong_with(line, host);
      if (!wrong.empty()) throw toml_error{{name, number, 1, std::move(wrong), std::move(hint)}};
      out.last_labels_.emplace(last_label_of(host));
      const auto [at, is_new] = out.entries_.emplace(std::move(host), number);
      if (!is_new)
        throw toml_error{{name, number, 1,
                          fmt::format("{} stands in line {} already", at->first, at->second), ""}};
    });
  }
  return out;
}

}  // namespace consentry::filters
