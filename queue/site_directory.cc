#include "queue/site_directory.h"

#include <algorithm>
#include <vector>

namespace consentry::queue {

std::optional<std::string> site_directory::find(const std::string& domain, instant now) const {
  const auto found = sites_.find(domain);
  if (found == sites_.end() || found->second.until <= now) return std::nullopt;
  return found->second.site;
}

void site_directory::put(const std::string& domain, std::string site, instant now) {
  make_room(now);
  sites_[domain] = {std::move(site), now + settings_.keep};
}

void site_directory::put_failed(const std::string& domain, instant now) {
  make_room(now);
  sites_[domain] = {domain, now + settings_.keep_failed};
}

void site_directory::make_room(instant now) {
  if (sites_.size() < settings_.domains_max) return;
  std::vector<instant> ends;
  ends.reserve(sites_.size());
  for (const auto& [domain, e] : sites_) ends.push_back(e.until);
  const auto middle = ends.begin() + static_cast<std::ptrdiff_t>(ends.size() / 2);
  std::nth_element(ends.begin(), middle, ends.end());
  const auto before = std::max(now, *middle);
  std::erase_if(sites_, [&](const auto& e) { return e.second.until <= before; });
}

}  // namespace consentry::queue
