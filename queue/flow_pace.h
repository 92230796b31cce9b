// When a flow may send: its window, its rate, and what its tenant may still send in this hour and
// on this day. Pure; the scheduler's executor only.
#pragma once

#include <cstdint>

#include "queue/path_pace.h"

namespace consentry::queue {

// Counts by civil hour and Budapest day. An attempt counts from its start and is taken back unless
// it delivered, so that what is in flight can never pass a quota.
class sent_counts {
 public:
  void add(instant now);
  void take_back(instant counted_at);
  std::uint64_t in_hour(instant now) const;
  std::uint64_t in_day(instant now) const;
  // When the running hour and day end.
  instant hour_end(instant now) const;
  instant day_end(instant now) const;
  // As kept over a restart.
  void restore(instant at, std::uint64_t in_hour, std::uint64_t in_day);

 private:
  void turn(instant now) const;

  mutable instant hour_begin_{}, hour_end_{}, day_begin_{}, day_end_{};
  mutable std::uint64_t in_hour_ = 0, in_day_ = 0;
};

class flow_pace {
 public:
  // Nothing starts before; a time that is past: now. sent: of the tenant and stream.
  instant opens(const flow_limits& l, const sent_counts& sent, instant now);
  void started(const flow_limits& l, instant now) noexcept { meter_.started(l.rate, now); }
  bool is_idle(const flow_limits& l, instant now) const noexcept {
    return meter_.next(l.rate) <= now;
  }
  void forget_window() noexcept { opening_ = {}; }  // the rules have changed

 private:
  rate_meter meter_;
  send_window::opening opening_{};  // last asked for: civil time is dear
};

}  // namespace consentry::queue
