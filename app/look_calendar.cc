#include "app/look_calendar.h"

#include <algorithm>
#include <utility>

namespace consentry::app {

std::vector<looked_domain> look_calendar::next_round(
    const std::vector<looked_domain>& all, instant now,
    const std::function<instant(const looked_domain&)>& first_look) {
  std::map<looked_domain, instant> kept;
  std::vector<std::pair<instant, const looked_domain*>> due;
  for (const auto& d : all) {
    const auto known = next_.find(d);
    const auto at = known == next_.end() ? first_look(d) : known->second;
    kept.emplace(d, at);
    if (at <= now) due.emplace_back(at, &d);
  }
  next_ = std::move(kept);
  std::ranges::sort(due);  // of the same time as they stand in `all`
  std::map<tenant_id, std::size_t> taken;
  std::vector<looked_domain> out;
  for (const auto& [at, d] : due) {
    if (out.size() == looks_per_round) break;
    if (auto& of_tenant = taken[d->tenant]; of_tenant < looks_per_tenant) {
      ++of_tenant;
      out.push_back(*d);
    }
  }
  return out;
}

}  // namespace consentry::app
