// Slows down and locks out addresses that guess passwords (RFC 4954 section 9, RULES B).
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace consentry::smtp::server {

// What a peer is counted under: an IPv4 address, or the /64 of an IPv6 address (one customer). Text
// that is no address stands for itself.
std::string peer_key(std::string_view ip);

// Any thread. Bounded: when the table is full, the peer whose last failure is oldest is forgotten.
// A success forgives nothing (else one valid credential would buy endless guesses at others); time
// does.
class auth_guard {
 public:
  using clock = std::chrono::steady_clock;

  struct options {
    unsigned free_failures = 5;                    // from here on every failure locks
    std::chrono::milliseconds first_lock{10'000};  // doubles with every further failure
    std::chrono::milliseconds longest_lock{900'000};
    std::chrono::milliseconds forgive_after{3'600'000};  // without a failure
    std::chrono::milliseconds answer_delay{
        500};  // the 535 is held back; doubles, up to eight times this
    std::size_t peers_max = 10'000;
  };

  explicit auth_guard(options o) : options_{o} {}

  // How long the peer is still locked out; zero: it may try.
  std::chrono::milliseconds locked_for(std::string_view ip, clock::time_point now = clock::now());

  // Counts a failure. How long to hold back the answer to it.
  std::chrono::milliseconds failed(std::string_view ip, clock::time_point now = clock::now());

  std::size_t peers() const;

 private:
  struct peer {
    std::string key;
    unsigned failures = 0;
    clock::time_point last;
    clock::time_point locked_until;
  };
  std::list<peer>::iterator find(const std::string& key, clock::time_point now);

  const options options_;
  mutable std::mutex mutex_;
  std::list<peer> peers_;  // the latest failure in front
  std::unordered_map<std::string, std::list<peer>::iterator> by_key_;
};

}  // namespace consentry::smtp::server
