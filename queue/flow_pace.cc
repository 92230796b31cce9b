#include "queue/flow_pace.h"

#include <algorithm>

namespace consentry::queue {

using std::chrono::hours;

void sent_counts::turn(instant now) const {
  if (now >= hour_end_ || now < hour_begin_) {
    // Budapest's offsets are whole hours, so its hours begin with those of UTC.
    hour_begin_ = std::chrono::floor<hours>(now);
    hour_end_ = hour_begin_ + hours{1};
    in_hour_ = 0;
  }
  if (now >= day_end_ || now < day_begin_) {
    const auto today = budapest_day(now);
    day_begin_ = budapest_midnight(today);
    day_end_ = budapest_midnight(std::chrono::sys_days{today} + std::chrono::days{1});
    in_day_ = 0;
  }
}

void sent_counts::add(instant now) {
  turn(now);
  ++in_hour_;
  ++in_day_;
}

void sent_counts::take_back(instant counted_at) {
  if (counted_at >= hour_begin_ && counted_at < hour_end_ && in_hour_ > 0) --in_hour_;
  if (counted_at >= day_begin_ && counted_at < day_end_ && in_day_ > 0) --in_day_;
}

std::uint64_t sent_counts::in_hour(instant now) const {
  turn(now);
  return in_hour_;
}
std::uint64_t sent_counts::in_day(instant now) const {
  turn(now);
  return in_day_;
}
instant sent_counts::hour_end(instant now) const {
  turn(now);
  return hour_end_;
}
instant sent_counts::day_end(instant now) const {
  turn(now);
  return day_end_;
}

void sent_counts::restore(instant at, std::uint64_t in_hour, std::uint64_t in_day) {
  turn(at);
  in_hour_ = in_hour;
  in_day_ = in_day;
}

instant flow_pace::opens(const flow_limits& l, const sent_counts& sent, instant now) {
  instant at = meter_.next(l.rate);
  if (l.per_hour != 0 && sent.in_hour(now) >= l.per_hour) at = std::max(at, sent.hour_end(now));
  if (l.per_day != 0 && sent.in_day(now) >= l.per_day) at = std::max(at, sent.day_end(now));
  if (l.window) {
    if (now >= opening_.end) opening_ = l.window->opening_at(now);
    at = std::max(at, opening_.begin);
  }
  return at;
}

}  // namespace consentry::queue
