// The scheduler's insides, shared by scheduler.cc (what to do next), loader.cc (from disk to
// memory) and attempt.cc (one recipient). All of it runs on the scheduler's executor, but for the
// atomics.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <random>

#include "base/task_scope.h"
#include "queue/scheduler.h"
#include "queue/working_set.h"

namespace consentry::queue {

struct scheduler::state : std::enable_shared_from_this<scheduler::state> {
  state(boost::asio::any_io_executor e, parts parts_, scheduler_settings s);

  boost::asio::any_io_executor executor;
  parts p;
  const scheduler_settings settings;
  task_scope tasks;
  working_set memory;
  boost::asio::steady_timer sleep;
  std::minstd_rand random;

  bool stopping = false;
  bool stopped = false;  // the main loop has ended
  bool broken = false;   // the store is: nothing can be recorded, so nothing may be sent
  bool woken = false;

  // How far each lane's due index has been taken into memory, or out of the way.
  struct position {
    due_position next;
    bool at_end = false;  // all due by `seen_to` was seen
    instant seen_to{};
    bool moving = false;  // rows are being parked
  };
  std::array<position, 2> at;
  position& at_of(lane in) { return at[static_cast<std::size_t>(in)]; }

  struct group {
    due_position next;
    bool exhausted = false;  // all its rows are in memory, or were when last looked at
  };
  std::array<std::map<std::string, group>, 2> groups;  // parked, by destination

  std::string trim_resume;
  instant trimmed_at{};

  struct {
    std::atomic<std::uint64_t> delivered{0}, deferred{0}, bounced{0}, gate_held{0}, notices{0},
        parked{0}, in_flight{0}, working_set{0};
  } counters;

  // scheduler.cc
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> keep_house();
  void dispatch();
  void wake();
  void seen(instant due);  // something is due there: look again
  std::chrono::milliseconds until_next() const;
  void storage_failed(const failure& f);
  // Commits, again and again while the disk is full; false: given up (stopping or broken).
  boost::asio::awaitable<bool> commit(commit_loop::operation op);

  // loader.cc: true if there is more to do at once.
  bool load();
  bool load_lane(lane in, const read_txn& txn, instant now);
  bool has_expired(const read_txn& txn, const due_row& row, instant now) const;
  bool load_groups(lane in, const read_txn& txn, instant now);
  void start_moves(lane in, std::vector<due_row> park, std::vector<due_row> down, instant now);
  static boost::asio::awaitable<void> move_rows(std::shared_ptr<state> s, lane in,
                                                std::map<std::string, std::vector<due_row>> park);
  static boost::asio::awaitable<void> postpone_rows(std::shared_ptr<state> s,
                                                    std::vector<due_row> rows, instant until);
  std::size_t find_groups(const read_txn& txn);

  // attempt.cc
  static boost::asio::awaitable<void> attempt(std::shared_ptr<state> s, working_set::picked what);
};

}  // namespace consentry::queue
