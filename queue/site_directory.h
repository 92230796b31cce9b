// Which site a domain belongs to, kept for a while. The scheduler's executor only.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "base/clock.h"

namespace consentry::queue {

struct site_directory_settings {
  std::chrono::milliseconds keep{std::chrono::minutes{15}};
  std::chrono::milliseconds keep_failed{60'000};
  std::size_t domains_max = 200'000;  // more, and the oldest half is asked for again
};

class site_directory {
 public:
  explicit site_directory(site_directory_settings s = {}) : settings_{s} {}

  std::optional<std::string> find(const std::string& domain, instant now) const;
  void put(const std::string& domain, std::string site, instant now);
  // No hosts were found: it is a site of its own for now, and the attempt finds out why.
  void put_failed(const std::string& domain, instant now);
  std::size_t size() const noexcept { return sites_.size(); }

 private:
  struct entry {
    std::string site;
    instant until{};
  };
  void make_room(instant now);

  site_directory_settings settings_;
  std::unordered_map<std::string, entry> sites_;
};

}  // namespace consentry::queue
