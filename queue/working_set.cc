#include "queue/working_set.h"

#include <algorithm>

#include "base/check.h"

namespace consentry::queue {

std::size_t working_set::share_left(lane in, const std::string& destination) const {
  const auto i = index(in);
  const auto free = limits_.in_memory_max[i] - std::min(loaded_[i], limits_.in_memory_max[i]);
  // Enough to keep its connections busy, however full the lane is.
  const auto least = 2 * limits_.in_flight_per_destination;
  const auto share = std::min(limits_.share_max, std::max(least, free / 2));
  const auto has = loaded(in, destination);
  return std::min(free, share - std::min(share, has));
}

std::size_t working_set::loaded(lane in, const std::string& destination) const {
  const auto found = by_name_.find(destination);
  return found == by_name_.end() ? 0 : found->second.loaded[index(in)];
}

std::optional<instant> working_set::down_until(const std::string& destination, instant now) const {
  const auto found = by_name_.find(destination);
  if (found == by_name_.end() || found->second.down_until <= now) return std::nullopt;
  return found->second.down_until;
}

working_set::added working_set::add(const due_row& row, const std::string& name, instant now) {
  if (ids_.contains(row.recipient)) return added::known;
  if (down_until(name, now)) return added::down;
  const auto i = index(row.in);
  if (loaded_[i] >= limits_.in_memory_max[i]) return added::no_room;
  if (share_left(row.in, name) == 0) return added::no_share;
  auto& d = by_name_[name];
  d.name = name;
  d.waiting[i].push_back(row);
  ++d.loaded[i];
  ++loaded_[i];
  ids_.insert(row.recipient);
  queue_up(d);
  return added::yes;
}

// One that failed its last attempts gets a single probe.
bool working_set::may_start(const destination& d, lane in) const noexcept {
  const auto limit =
      d.failures >= limits_.failures_until_down ? 1 : limits_.in_flight_per_destination;
  return !d.waiting[index(in)].empty() && d.in_flight < limit;
}

void working_set::queue_up(destination& d) {
  for (const auto in : {lane::prompt, lane::bulk}) {
    if (d.in_turn[index(in)] || !may_start(d, in)) continue;
    d.in_turn[index(in)] = true;
    turns_[index(in)].push_back(d.name);
  }
}

std::optional<working_set::picked> working_set::take(instant) {
  if (in_flight_ >= limits_.in_flight_max) return std::nullopt;
  if (auto p = take_from(lane::prompt)) return p;
  // A part of the slots is kept for the prompt lane: slow bulk destinations must not hold up a
  // password mail.
  if (in_flight_ + limits_.in_flight_max / 8 >= limits_.in_flight_max) return std::nullopt;
  return take_from(lane::bulk);
}

std::optional<working_set::picked> working_set::take_from(lane in) {
  const auto i = index(in);
  while (!turns_[i].empty()) {
    auto name = std::move(turns_[i].front());
    turns_[i].pop_front();
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) continue;
    auto& d = found->second;
    d.in_turn[i] = false;
    if (!may_start(d, in)) continue;
    picked p{.row = std::move(d.waiting[i].front()), .destination = std::move(name)};
    d.waiting[i].pop_front();
    ++d.in_flight;
    ++in_flight_;
    queue_up(d);
    return p;
  }
  return std::nullopt;
}

std::vector<due_row> working_set::done(const picked& p, contact c, instant now) {
  const auto found = by_name_.find(p.destination);
  CONSENTRY_CHECK(found != by_name_.end() && found->second.in_flight > 0);
  auto& d = found->second;
  const auto i = index(p.row.in);
  --d.in_flight;
  --in_flight_;
  --d.loaded[i];
  --loaded_[i];
  ids_.erase(p.row.recipient);

  std::vector<due_row> given_back;
  if (c == contact::reached) {
    d.failures = 0;
    d.down_wait = {};
    d.down_until = {};
  } else if (c == contact::failed) {
    ++d.failures;
    // Those that were in flight together count as one step down.
    if (d.failures >= limits_.failures_until_down && d.down_until <= now) {
      d.down_wait = d.down_wait.count() == 0 ? limits_.down_first
                                             : std::min(d.down_wait * 2, limits_.down_longest);
      d.down_until = now + d.down_wait;
      for (const auto l : {lane::prompt, lane::bulk}) {
        auto& waiting = d.waiting[index(l)];
        for (auto& row : waiting) {
          ids_.erase(row.recipient);
          given_back.push_back(std::move(row));
        }
        d.loaded[index(l)] -= waiting.size();
        loaded_[index(l)] -= waiting.size();
        waiting.clear();
      }
    }
  }
  queue_up(d);
  return given_back;
}

void working_set::forget_idle(instant now) {
  // A destination that was down long ago starts anew.
  std::erase_if(by_name_, [&](const auto& entry) {
    const auto& d = entry.second;
    const bool empty = d.loaded[0] + d.loaded[1] == 0 && !d.in_turn[0] && !d.in_turn[1];
    return empty && d.down_until + limits_.down_longest <= now;
  });
}

}  // namespace consentry::queue
