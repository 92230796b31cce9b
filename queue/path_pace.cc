#include "queue/path_pace.h"

#include <algorithm>

namespace consentry::queue {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// What is refused together counts as one step back.
constexpr milliseconds together{1000};

milliseconds burst_of(const send_rate& r) noexcept {
  return r.count >= 10 ? r.per / 10 : milliseconds{0};
}

}  // namespace

// The burst is part of the spacing, so that burst and even pace together keep to the count.
instant rate_meter::next(const send_rate& r) const noexcept {
  if (r.count == 0) return {};
  return std::chrono::ceil<milliseconds>(ideal_ - burst_of(r));
}

void rate_meter::started(const send_rate& r, instant now) noexcept {
  if (r.count == 0) return;
  const microseconds spread{r.per + burst_of(r)};
  ideal_ = std::max<decltype(ideal_)>(ideal_, now) + (spread + microseconds{r.count - 1}) / r.count;
}

unsigned path_pace::connections(const path_limits& l, const down_settings& d,
                                instant now) const noexcept {
  if (failures_ >= d.failures_until_down) return 1;
  if (limited_to_ == 0) return l.connections_max;
  const auto grown = now > limited_at_ ? (now - limited_at_) / l.growth : 0;
  return static_cast<unsigned>(std::min<std::int64_t>(l.connections_max, limited_to_ + grown));
}

instant path_pace::opens(const path_limits& l) const noexcept {
  return std::max({paused_until_, down_until_, meter_.next(l.rate)});
}

std::optional<instant> path_pace::closed_until(instant now) const noexcept {
  const auto until = std::max(paused_until_, down_until_);
  return until > now ? std::optional{until} : std::nullopt;
}

bool path_pace::note_contact(const down_settings& d, contact c, instant now) {
  if (c == contact::reached) {
    failures_ = 0;
    down_wait_ = {};
    down_until_ = {};
  }
  if (c != contact::failed) return false;
  ++failures_;
  // Those that were in flight together are one step down.
  if (failures_ < d.failures_until_down || down_until_ > now) return false;
  down_wait_ = down_wait_.count() == 0 ? d.first : std::min(down_wait_ * 2, d.longest);
  down_until_ = now + down_wait_;
  return true;
}

void path_pace::limit(unsigned connections, instant from) noexcept {
  limited_to_ = std::max(1u, connections);
  limited_at_ = from;
}

bool path_pace::ended(const path_limits& l, const down_settings& d, contact c,
                      const reply_advice& advice, unsigned in_flight, instant now) {
  const bool was_closed = closed_until(now).has_value();
  const bool went_down = note_contact(d, c, now);
  const bool is_new = now >= last_back_off_ + together;
  if (advice.action == reply_action::slow && is_new && !was_closed) {
    // Half of what was in use, which may be less than what was allowed.
    const auto used = std::min(connections(l, d, now), std::max(1u, in_flight));
    limit(used / 2, now);
    last_back_off_ = now;
  }
  if (advice.action == reply_action::pause && paused_until_ <= now) {
    const auto first = advice.pause.count() != 0 ? advice.pause : l.pause;
    // Asked again before it had grown back: longer.
    const bool again = limited_to_ != 0 && connections(l, d, now) < l.connections_max;
    pause_wait_ =
        again ? std::min(std::max(first, pause_wait_ * 2), std::max(first, l.pause_max)) : first;
    paused_until_ = now + pause_wait_;
    limit(1, paused_until_);
    last_back_off_ = now;
  }
  return !was_closed && (went_down || closed_until(now).has_value());
}

bool path_pace::is_idle(const down_settings& d, instant now) const noexcept {
  // One that was down or paused long ago starts anew.
  const auto last = std::max({down_until_, paused_until_, last_back_off_});
  return last + d.longest <= now;
}

}  // namespace consentry::queue
