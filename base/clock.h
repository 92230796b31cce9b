// Wall-clock time. Durations that must not jump (timeouts, pacing) use std::chrono::steady_clock
// directly.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace consentry {

// Milliseconds since 1970-01-01T00:00Z: the one unit of stored time.
using instant = std::chrono::sys_time<std::chrono::milliseconds>;

constexpr std::int64_t to_ms(instant t) noexcept {
  return t.time_since_epoch().count();
}
constexpr instant from_ms(std::int64_t ms) noexcept {
  return instant{std::chrono::milliseconds{ms}};
}

// Any thread may ask.
class wall_clock {
 public:
  virtual ~wall_clock() = default;
  virtual instant now() const noexcept = 0;
};

class system_wall_clock final : public wall_clock {
 public:
  instant now() const noexcept override;
};

// For tests, dialogs and simulations: stands still until told.
class manual_clock final : public wall_clock {
 public:
  explicit manual_clock(instant start) noexcept : ms_{to_ms(start)} {}
  instant now() const noexcept override { return from_ms(ms_.load()); }
  void set(instant t) noexcept { ms_ = to_ms(t); }
  void advance(std::chrono::milliseconds by) noexcept { ms_ += by.count(); }

 private:
  std::atomic<std::int64_t> ms_;
};

}  // namespace consentry
