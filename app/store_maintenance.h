// Makes room and makes erasures real: what was erased leaves the disk.
//
//   erasures that were broken off -> spool_rewrite (bodies) -> compact_store (database) -> the
//   erasures that were complete at its begin are settled
//
// Runs by itself when the oldest pending erasure is half its time old (erase.max_h), when more than
// half of the database is free pages, or when somebody asks. One at a time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/fwd.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/worker_pool.h"

namespace consentry::app {

struct maintenance_options {
  std::chrono::hours erase_max{24};  // RULES A2 10
  std::uint64_t reserve_bytes = 64u << 20;
  double share = 0.5;  // of one core, and of the disk's time
  std::chrono::milliseconds between_looks{60'000};
  std::chrono::minutes again_after_failure{15};
  std::uint64_t worth_bytes = 256u << 20;  // free pages that are worth a run
  // Goes on with erasures begun before that time; empty: there are none to go on with.
  std::function<result<std::size_t>(instant)> finish_erasures = {};
};

class store_maintenance {
 public:
  store_maintenance(store_rooms& rooms, const wall_clock& clock, maintenance_options o);
  ~store_maintenance();

  // The task; until cancelled. Its work has a thread of its own.
  boost::asio::awaitable<void> run();
  // Any thread. conflict: one is under way.
  result<void> ask();
  // Any thread. A run that begins after this call, also where one is under way.
  void ask_again();
  // {"running", "step", "entries", "entries_total", "pending_erasures", "last": {..}}. Any thread.
  boost::json::object status() const;
  // The work under way ends at its next step; the old file stays. Before the task is drained.
  void cancel();
  // One whole run on this thread (tests, and run()).
  result<void> work();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace consentry::app
