// The scheduler's insides, shared by scheduler.cc (what to do next), filling.cc (from disk
// to memory) and attempt.cc (one recipient). All of it runs on the scheduler's executor, but for
// the atomics.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <random>

#include "base/task_scope.h"
#include "queue/scheduler.h"
#include "queue/sent_count_store.h"
#include "queue/working_set.h"

namespace consentry::queue {

struct scheduler::state : std::enable_shared_from_this<scheduler::state> {
  state(boost::asio::any_io_executor e, parts parts_, scheduler_settings s);

  boost::asio::any_io_executor executor;
  parts p;
  const scheduler_settings settings;
  const std::shared_ptr<const pacing_rules> own_rules;  // where p.pacing is empty
  task_scope tasks;
  working_set memory;
  boost::asio::steady_timer sleep;

  bool stopping = false;
  bool stopped = false;  // the main loop has ended
  bool broken = false;   // the store is: nothing can be recorded, so nothing may be sent
  bool woken = false;

  loader from_disk;
  sent_count_store kept_counts;
  std::vector<working_set::kept_count> counts_written;
  std::minstd_rand random;
  std::size_t site_lookups = 0;
  std::deque<std::string> sites_to_find;

  std::string trim_resume;
  instant trimmed_at{};
  std::atomic<std::shared_ptr<const std::vector<working_set::path_state>>> paths_seen;
  site_replies replies;

  struct {
    std::atomic<std::uint64_t> delivered{0}, deferred{0}, bounced{0}, gate_held{0}, notices{0},
        parked{0}, in_flight{0}, working_set{0};
  } counters;

  // scheduler.cc
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> keep_house();
  boost::asio::awaitable<void> keep_counts();
  boost::asio::awaitable<void> write_counts();
  void show_paths();
  void dispatch();
  void wake();
  // Something is due there: look again.
  void seen(instant due);
  void seen(const queued_message& m, instant due);
  std::chrono::milliseconds until_next() const;
  std::shared_ptr<const pacing_rules> rules() const;
  std::shared_ptr<const smtp::bounce_rules> bounces() const;
  void storage_failed(const failure& f);
  // Commits, again and again while the disk is full; false: given up (stopping or broken).
  boost::asio::awaitable<bool> commit(commit_loop::operation op);

  // filling.cc: true if there is more to do at once.
  bool fill();
  void carry_out(loader::found what);
  void look_up_sites();
  static boost::asio::awaitable<void> look_up(std::shared_ptr<state> s, std::string domain);
  static boost::asio::awaitable<void> park_rows(std::shared_ptr<state> s, lane in,
                                                std::map<std::string, std::vector<due_row>> rows);

  // attempt.cc
  static boost::asio::awaitable<void> attempt(std::shared_ptr<state> s, working_set::picked what);
};

}  // namespace consentry::queue
