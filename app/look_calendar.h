// When each sender domain's DNS is looked at next, and whose turn it is: pure, from what is told.
#pragma once

#include <compare>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace consentry::app {

// One stay of a domain with a tenant: what was removed and added again is another.
struct looked_domain {
  tenant_id tenant;
  std::string domain;
  instant added_at{};
  friend auto operator<=>(const looked_domain&, const looked_domain&) = default;
};

class look_calendar {
 public:
  // A tenant with many domains, or with a DNS that takes its time, keeps others waiting for few.
  static constexpr std::size_t looks_per_round = 50;
  static constexpr std::size_t looks_per_tenant = 2;

  // Those of `all` that are due, the longest overdue first: so many in all and of one tenant; the
  // rest stays due. first_look is asked for what is new here; what is not in `all` is forgotten.
  std::vector<looked_domain> next_round(
      const std::vector<looked_domain>& all, instant now,
      const std::function<instant(const looked_domain&)>& first_look);
  void set_next(const looked_domain& d, instant at) { next_[d] = at; }

 private:
  std::map<looked_domain, instant> next_;
};

}  // namespace consentry::app
