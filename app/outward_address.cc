#include "app/outward_address.h"

#include <algorithm>
#include <array>
#include <boost/asio/ip/network_v4.hpp>
#include <charconv>

#include "base/https_client.h"

namespace consentry::app {
namespace {

namespace ip = boost::asio::ip;

struct range {
  std::string_view from;
  unsigned bits;
};

constexpr std::array inward_v4{
    range{"0.0.0.0", 8},      range{"10.0.0.0", 8},     range{"100.64.0.0", 10},
    range{"127.0.0.0", 8},    range{"169.254.0.0", 16}, range{"172.16.0.0", 12},
    range{"192.0.0.0", 24},   range{"192.0.2.0", 24},   range{"192.88.99.0", 24},
    range{"192.168.0.0", 16}, range{"198.18.0.0", 15},  range{"198.51.100.0", 24},
    range{"203.0.113.0", 24}, range{"224.0.0.0", 4},    range{"240.0.0.0", 4},
};
// Within 2000::/3: protocol assignments with Teredo, documentation, 6to4.
constexpr std::array inward_v6{
    range{"2001::", 23},
    range{"2001:db8::", 32},
    range{"2002::", 16},
    range{"3fff::", 20},
};

// Both of one family.
bool is_within(const ip::address& a, const ip::address& network, unsigned bits) {
  const auto same = [bits](const auto& x, const auto& y) {
    for (unsigned i = 0; i < x.size() && i * 8 < bits; ++i) {
      const auto left = std::min(8u, bits - i * 8);
      const auto mask = static_cast<unsigned char>(0xFFu << (8 - left));
      if ((x[i] & mask) != (y[i] & mask)) return false;
    }
    return true;
  };
  if (a.is_v4() != network.is_v4()) return false;
  return a.is_v4() ? same(a.to_v4().to_bytes(), network.to_v4().to_bytes())
                   : same(a.to_v6().to_bytes(), network.to_v6().to_bytes());
}

ip::address plain(const ip::address& a) {
  if (a.is_v6() && a.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, a.to_v6());
  return a;
}

failure no(std::string text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = std::move(text)};
}

}  // namespace

bool is_outward(const ip::address& given) {
  const auto a = plain(given);
  const auto holds = [&a](const range& r) {
    return is_within(a, ip::make_address(std::string{r.from}), r.bits);
  };
  if (a.is_v4()) return std::ranges::none_of(inward_v4, holds);
  return is_within(a, ip::make_address("2000::"), 3) && std::ranges::none_of(inward_v6, holds);
}

bool opened_networks::add(std::string_view text) {
  const auto slash = text.find('/');
  boost::system::error_code error;
  const auto at = ip::make_address(std::string{text.substr(0, slash)}, error);
  if (error) return false;
  unsigned bits = at.is_v4() ? 32 : 128;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    unsigned given = 0;
    const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), given);
    if (wrong != std::errc{} || end != digits.data() + digits.size() || given > bits) return false;
    bits = given;
  }
  networks_.push_back({at, bits});
  return true;
}

bool opened_networks::has(const ip::address& given) const {
  const auto a = plain(given);
  return std::ranges::any_of(networks_,
                             [&a](const network& n) { return is_within(a, n.at, n.bits); });
}

result<std::string> outward_host(std::string_view url) {
  auto host = https_host(url);
  if (host.empty()) return no("url: must be https://host/..., without a user in it");
  const auto dot = host.rfind('.');
  if (dot == std::string::npos || dot + 1 == host.size())
    return no("url: its host must be a full name, with a dot");
  const char first = host[dot + 1];
  if (first >= '0' && first <= '9') return no("url: its host must be a name, not an address");
  const auto rest = url.substr(std::string_view{"https://"}.size() + host.size());
  if (!rest.starts_with(':')) return host;
  const auto digits = rest.substr(1, rest.find_first_of("/?#") - 1);
  unsigned port = 0;
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (wrong != std::errc{} || end != digits.data() + digits.size() || port > 65535 ||
      (port != 443 && port < 1024))
    return no("url: its port must be 443, or 1024 and up");
  return host;
}

}  // namespace consentry::app
