#include "queue/site_replies.h"

namespace consentry::queue {

void site_replies::note(site_reply r) {
  if (r.text.size() > text_bytes_max) r.text.resize(text_bytes_max);
  std::lock_guard lock{mutex_};
  if (const auto found = by_site_.find(r.site); found != by_site_.end()) {
    auto& kept = *found->second;  // its name stays where it is: the map's key points there
    kept.at = r.at;
    kept.kind = r.kind;
    kept.host = std::move(r.host);
    kept.text = std::move(r.text);
    by_time_.splice(by_time_.begin(), by_time_, found->second);
    return;
  }
  if (by_site_.size() >= sites_max_) {
    by_site_.erase(by_time_.back().site);
    by_time_.pop_back();
  }
  by_time_.push_front(std::move(r));
  by_site_.emplace(by_time_.front().site, by_time_.begin());
}

std::optional<site_reply> site_replies::find(std::string_view site) const {
  std::lock_guard lock{mutex_};
  const auto found = by_site_.find(site);
  return found == by_site_.end() ? std::nullopt : std::optional{*found->second};
}

std::vector<site_reply> site_replies::latest(std::size_t limit) const {
  std::lock_guard lock{mutex_};
  std::vector<site_reply> out;
  for (const auto& r : by_time_) {
    if (out.size() >= limit) break;
    out.push_back(r);
  }
  return out;
}

}  // namespace consentry::queue
