#include "app/company_watch.h"

#include <algorithm>
#include <thread>

namespace consentry::app {

namespace {

constexpr std::int64_t window_ms = 500;
// The gateway's own housekeeping (renewals, say) commits once or twice in that time.
constexpr std::uint64_t company = 3;
constexpr std::chrono::milliseconds moment{5};

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

bool company_watch::has_company() noexcept {
  const auto now = steady_ms();
  std::lock_guard lock{mutex_};
  const auto all = commits_.operations();
  // What was submitted and is not committed yet counts as ours already: the difference lags.
  others_ = std::max(others_, all > own_ ? all - own_ : 0);
  if (others_ - others_before_ >= company) until_ms_ = now + window_ms;
  if (now - window_began_ms_ >= window_ms) {
    window_began_ms_ = now;
    others_before_ = others_;
  }
  return now < until_ms_;
}

void company_watch::give_way() {
  if (has_company()) std::this_thread::sleep_for(moment);
}

}  // namespace consentry::app
