#include "queue/retry_schedule.h"

#include <algorithm>

namespace consentry::queue {

const retry_rule& retry_settings::of(smtp::stream s) const noexcept {
  switch (s) {
    case smtp::stream::bulk:
      return bulk;
    case smtp::stream::automation:
      return automation;
    case smtp::stream::doi:
      return doi;
    case smtp::stream::transactional:
      break;
  }
  return transactional;
}

std::chrono::milliseconds retry_wait(const retry_rule& rule, unsigned failures,
                                     double random) noexcept {
  using std::chrono::milliseconds;
  const milliseconds longest = std::max(rule.longest, rule.first);
  milliseconds wait = rule.first;
  for (unsigned i = 1; i < failures && wait < longest; ++i) wait *= 2;
  wait = std::min(wait, longest);
  const double stretch = 1.0 + std::clamp(rule.jitter, 0.0, 1.0) * std::clamp(random, 0.0, 1.0);
  return milliseconds{static_cast<std::int64_t>(static_cast<double>(wait.count()) * stretch)};
}

instant expiry_of(const retry_settings& s, smtp::stream stream, instant accepted_at) noexcept {
  return accepted_at + s.of(stream).expiry;
}

}  // namespace consentry::queue
