// What each site said last, for people who ask why its mail waits. In memory only, for as many
// sites as there is room for; the one that was silent longest goes first. Any thread.
#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "smtp/outcome.h"

namespace consentry::queue {

struct site_reply {
  std::string site;
  instant at{};
  smtp::outcome_kind kind = smtp::outcome_kind::deferred;
  std::string host;  // "": none answered
  std::string text;  // "421 4.7.0 too many connections", or our own words; no recipient's address
};

class site_replies {
 public:
  static constexpr std::size_t text_bytes_max = 300;

  explicit site_replies(std::size_t sites_max = 10'000) : sites_max_{sites_max} {}

  void note(site_reply r);
  std::optional<site_reply> find(std::string_view site) const;
  // The latest first.
  std::vector<site_reply> latest(std::size_t limit) const;

 private:
  mutable std::mutex mutex_;
  std::size_t sites_max_;
  std::list<site_reply> by_time_;  // the latest first
  std::unordered_map<std::string_view, std::list<site_reply>::iterator> by_site_;  // views into it
};

}  // namespace consentry::queue
