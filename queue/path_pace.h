// How fast one path may go now: its rate, its back-off, whether it answers at all. Pure: told what
// happened and when. The scheduler's executor only.
//
//   open --reply asks for it--> paused --time--> one connection, one more each `growth` --> open
//   open --no host answered, again and again--> down --time--> one probe --> open, or down for
//   longer
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "queue/pacing_rules.h"

namespace consentry::queue {

// When the next of a rate may start (the generic cell rate algorithm): in any period at most count
// starts, evenly spread; of ten and more a tenth may come at once after a quiet time.
class rate_meter {
 public:
  instant next(const send_rate& r) const noexcept;
  void started(const send_rate& r, instant now) noexcept;

 private:
  std::chrono::sys_time<std::chrono::microseconds> ideal_{};  // of the next, at an even pace
};

struct down_settings {
  unsigned failures_until_down = 3;  // attempts in a row that reached no host
  std::chrono::milliseconds first{60'000};
  std::chrono::milliseconds longest{900'000};
};

class path_pace {
 public:
  enum class contact : std::uint8_t {
    none,     // nothing was tried
    reached,  // some host of the site answered
    failed,   // none did
  };

  // Connections that may be in use at once.
  unsigned connections(const path_limits& l, const down_settings& d, instant now) const noexcept;
  // Nothing starts before; a time that is past: now.
  instant opens(const path_limits& l) const noexcept;
  // Down or paused until then: what waits is not worth its place in memory.
  std::optional<instant> closed_until(instant now) const noexcept;
  bool is_down(instant now) const noexcept { return down_until_ > now; }

  void started(const path_limits& l, instant now) noexcept { meter_.started(l.rate, now); }
  // True: it is closed now and was open before.
  bool ended(const path_limits& l, const down_settings& d, contact c, const reply_advice& advice,
             unsigned in_flight, instant now);
  // Nothing of it is worth keeping.
  bool is_idle(const down_settings& d, instant now) const noexcept;

 private:
  bool note_contact(const down_settings& d, contact c, instant now);
  void limit(unsigned connections, instant from) noexcept;

  rate_meter meter_;
  unsigned failures_ = 0;  // in a row
  instant down_until_{};
  std::chrono::milliseconds down_wait_{};

  unsigned limited_to_ = 0;  // connections at limited_at_; 0: not limited
  instant limited_at_{};     // from when on it grows
  instant paused_until_{};
  instant last_back_off_{};
  std::chrono::milliseconds pause_wait_{};
};

}  // namespace consentry::queue
