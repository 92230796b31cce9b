// When to try again, and when to give up. Pure.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "smtp/stream.h"

namespace consentry::queue {

struct retry_rule {
  std::chrono::seconds first{
      std::chrono::minutes{5}};  // after the first failure; greylisting is over by then
  std::chrono::seconds longest{
      std::chrono::hours{4}};  // each wait is twice the one before, up to this
  double jitter = 0.1;         // each wait is stretched by up to this share, so that waves break up
  std::chrono::seconds expiry{
      std::chrono::days{5}};  // from acceptance; RFC 5321 section 4.5.4.1: 4 to 5 days
};

// A campaign mail three days late helps nobody; a confirmation link lives a day (RULES A2, 5.3).
struct retry_settings {
  retry_rule bulk{.expiry = std::chrono::days{3}};
  retry_rule automation{.expiry = std::chrono::days{3}};
  retry_rule transactional{};
  retry_rule doi{.longest = std::chrono::hours{1}, .expiry = std::chrono::days{1}};

  const retry_rule& of(smtp::stream s) const noexcept;
};

// failures: attempts that failed, this one included (>= 1). random: 0 <= random < 1.
std::chrono::milliseconds retry_wait(const retry_rule& rule, unsigned failures,
                                     double random) noexcept;

// What queued_message::expires_at is to be.
instant expiry_of(const retry_settings& s, smtp::stream stream, instant accepted_at) noexcept;

}  // namespace consentry::queue
