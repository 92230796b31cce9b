#include "app/company_watch.h"

#include <algorithm>
#include <thread>

namespace consentry::app {

namespace {

constexpr std::int64_t lasts_ms = 500;
constexpr std::chrono::milliseconds moment{5};

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

bool company_watch::has_company() noexcept {
  const auto all = commits_.operations();
  const auto own = own_.load();
  // What is submitted and not committed yet counts as ours already: the difference may lag.
  const auto others = all > own ? all - own : 0;
  const auto now = steady_ms();
  if (others > others_.exchange(std::max(others, others_.load()))) until_ms_ = now + lasts_ms;
  return now < until_ms_;
}

void company_watch::give_way() {
  if (has_company()) std::this_thread::sleep_for(moment);
}

}  // namespace consentry::app
