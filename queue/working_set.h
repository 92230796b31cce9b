// The recipients in memory: waiting by destination, or in flight. Decides who is next; knows no
// store and no clock but what it is told. Bounded by its limits, whatever the queue holds. Not
// thread-safe: the scheduler's executor only.
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "queue/queue_store.h"

namespace consentry::queue {

struct working_set_limits {
  std::array<std::size_t, 2> in_memory_max{2000, 8000};  // by lane
  std::size_t share_max = 1000;                          // of a lane, for one destination
  std::size_t in_flight_max = 400;
  std::size_t in_flight_per_destination = 20;
  unsigned failures_until_down = 3;
  std::chrono::milliseconds down_first{60'000};
  std::chrono::milliseconds down_longest{900'000};
};

class working_set {
 public:
  using limits = working_set_limits;
  explicit working_set(limits l) : limits_{l} {}

  enum class added : std::uint8_t {
    yes,
    known,     // already here
    no_share,  // the destination has its share
    no_room,   // the lane is full
    down,      // the destination is left alone until down_until()
  };
  // The share shrinks as the lane fills (half of what is free, as in shared packet buffers), so
  // that a few slow destinations cannot take all of it.
  added add(const due_row& row, const std::string& destination, instant now);
  bool contains(recipient_id id) const { return ids_.contains(id); }

  struct picked {
    due_row row;
    std::string destination;
  };
  // The next to attempt: prompt lane first, destinations in turn. It is in flight then, until
  // done().
  std::optional<picked> take(instant now);

  enum class contact : std::uint8_t {
    none,     // nothing was tried
    reached,  // some host of the destination answered
    failed,   // none did
  };
  // What waits for the destination is given back if this brought it down: to be postponed until
  // down_until().
  std::vector<due_row> done(const picked& p, contact c, instant now);

  std::optional<instant> down_until(const std::string& destination, instant now) const;
  std::size_t loaded(lane in) const noexcept { return loaded_[index(in)]; }
  std::size_t loaded(lane in, const std::string& destination) const;
  std::size_t share_left(lane in, const std::string& destination) const;
  std::size_t size() const noexcept { return ids_.size(); }
  std::size_t in_flight() const noexcept { return in_flight_; }
  // Forgets destinations without mail that are well; for housekeeping.
  void forget_idle(instant now);
  std::size_t destinations() const noexcept { return by_name_.size(); }

 private:
  struct destination {
    std::string name;
    std::array<std::deque<due_row>, 2> waiting;
    std::array<std::size_t, 2> loaded{};  // waiting and in flight
    std::array<bool, 2> in_turn{};
    std::size_t in_flight = 0;
    unsigned failures = 0;  // in a row
    instant down_until{};
    std::chrono::milliseconds down_wait{};
  };
  static std::size_t index(lane in) noexcept { return static_cast<std::size_t>(in); }
  bool may_start(const destination& d, lane in) const noexcept;
  void queue_up(destination& d);
  std::optional<picked> take_from(lane in);

  limits limits_;
  std::unordered_map<std::string, destination> by_name_;
  std::unordered_set<recipient_id> ids_;
  std::array<std::deque<std::string>, 2> turns_;  // destinations that may have something to start
  std::array<std::size_t, 2> loaded_{};
  std::size_t in_flight_ = 0;
};

}  // namespace consentry::queue
