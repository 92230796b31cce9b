// Static routes: they override DNS, for smarthosts and tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::queue {

struct route {
  std::string pattern;  // "example.hu"; ".example.hu": its subdomains; "*": all
  std::string host;     // a name (its addresses are looked up, not its MX) or an IP address
  std::uint16_t port = 25;
};

// Immutable; any thread.
class route_table {
 public:
  route_table() = default;
  explicit route_table(std::vector<route> routes);  // patterns in any case

  // The most special route: the domain itself, the longest suffix, "*". nullptr: DNS decides.
  const route* find(std::string_view ascii_domain) const noexcept;
  bool empty() const noexcept { return routes_.empty(); }

 private:
  std::vector<route> routes_;  // the most special first
};

}  // namespace consentry::queue
