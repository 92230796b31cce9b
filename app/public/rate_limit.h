// How often somebody may do something: a bucket of tokens for each key, refilled with time, in
// bounded memory. And who somebody is, when a proxy stands between. One thread.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace consentry::app::public_pages {

class rate_limit {
 public:
  using clock = std::chrono::steady_clock;

  // `count` at once, and again as many in each `period`. When `keys_max` keys are known, those
  // whose bucket is full again are forgotten first, then the ones asked about longest ago.
  rate_limit(unsigned count, std::chrono::seconds period, std::size_t keys_max = 16384);

  // Takes one; false: there is none left.
  bool take(std::string_view key, clock::time_point now);
  std::size_t keys() const noexcept { return buckets_.size(); }

 private:
  struct bucket {
    double left;
    clock::time_point seen;
  };
  void make_room(clock::time_point now);
  double refilled(const bucket& b, clock::time_point now) const;

  double count_;
  double per_second_;
  std::size_t keys_max_;
  std::unordered_map<std::string, bucket> buckets_;
};

// What one household or firm holds: an IPv4 address, or an IPv6 /64, as text. What is no address
// stays as it is.
std::string network_of(std::string_view ip);

// "10.0.0.0/8", "::1", "192.0.2.7": whose X-Forwarded-For is believed.
class trusted_proxies {
 public:
  trusted_proxies() = default;
  // False: not an address or a network.
  bool add(std::string_view network);

  // The address that asked: `peer`, or, where that is a trusted proxy, the last address in
  // X-Forwarded-For that is none.
  std::string client_of(std::string_view peer, std::string_view forwarded_for) const;

 private:
  struct network {
    std::string bytes;  // 16, IPv4 mapped
    unsigned bits;
  };
  bool has(std::string_view ip) const;
  std::vector<network> networks_;
};

}  // namespace consentry::app::public_pages
