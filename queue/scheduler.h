// Picks what is due, asks the gate, has it carried, commits what came of it.
//
//   due index (disk) -> loader -> working set (memory, bounded) -> in flight (bounded in all, by
//   path and tenant) -> one commit per outcome
//
// Only the index is durable: what was in memory at a crash is simply due again. A path with more
// due mail than its share of the working set has the rest parked under its name, so that the scan
// goes on to others; its mail comes back as it drains. A path that does not answer, or asked for a
// pause, is left alone for a while as a whole instead of being tried once per recipient.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>

#include "base/clock.h"
#include "base/commit_loop.h"
#include "base/lmdb_env.h"
#include "queue/bounce_notice.h"
#include "queue/courier.h"
#include "queue/dispatch_gate.h"
#include "queue/loader.h"
#include "queue/outcome_sink.h"
#include "queue/queue_stats.h"
#include "queue/queue_store.h"
#include "queue/retry_schedule.h"
#include "queue/site_replies.h"
#include "queue/spool.h"
#include "queue/store_index.h"
#include "queue/suspensions.h"
#include "smtp/bounce_rules.h"

namespace consentry::queue {

struct scheduler_settings {
  std::size_t prompt_in_memory_max = 2000;  // recipients of the first lane in the working set
  std::size_t bulk_in_memory_max = 8000;    // of the second
  std::size_t share_max = 1000;             // of them for one destination, per lane
  std::size_t rows_per_pass = 1000;  // rows that one look at the store reads or one commit moves
  std::size_t in_flight_max = 400;
  path_limits paths;  // where parts::pacing is empty
  down_settings down;
  std::size_t site_lookups_max = 200;  // at once
  std::chrono::milliseconds look_again{
      5000};  // longest sleep, so that a jump of the clock does no harm
  std::chrono::milliseconds counts_written_every{5000};  // of quotas and warm-ups
  std::chrono::milliseconds commit_again{1000};          // after a commit that a full disk refused
  std::chrono::seconds housekeeping{30};                 // empty segments, old rows
  std::chrono::hours keep_finished{24 * 100};            // RULES A5: complaints count for 90 days
  retry_settings retry;
  notice_settings notices;
};

class scheduler {
 public:
  struct parts {  // all outlive the scheduler
    store_env& env;
    commit_loop& commits;
    queue_store& store;
    spool& bodies;
    courier& carrier;
    dispatch_gate& gate;
    outcome_sink& sink;
    const wall_clock& clock;
    // The rules of the moment; empty: none but the settings. Never nullptr.
    std::function<std::shared_ptr<const pacing_rules>()> pacing{};
    // What replies mean; empty: as shipped. Never nullptr.
    std::function<std::shared_ptr<const smtp::bounce_rules>()> bounces{};
    store_index::tenant_names tenant_name{};  // by which rules name a tenant; empty: its id
    const suspensions* stopped = nullptr;     // nullptr: nobody can stop anything by hand
  };

  // executor: one thread at a time (an io_context run by one thread, or a strand).
  scheduler(boost::asio::any_io_executor executor, parts p, scheduler_settings s);
  ~scheduler();  // after stop() has returned, or if never started

  void start();

  // Any thread. Something was committed that is due at `due` (accepted, released, postponed).
  void notify(instant due);
  void notify(const flow_id& flow, lane in, instant due);  // cheaper, with many flows

  // Starts no more attempts; those in flight may end until `patience` is over, then they are
  // cancelled and stay due.
  boost::asio::awaitable<void> stop(std::chrono::milliseconds patience);

  queue_stats stats() const;  // any thread

  // Any thread: the paths as they were a moment ago.
  std::shared_ptr<const std::vector<working_set::path_state>> paths() const;
  // Any thread. What each site said last.
  const site_replies& replies() const;
  // Any thread. The rules, or what is stopped by hand, have changed.
  void rules_changed();

  struct state;  // scheduler_state.h

 private:
  std::shared_ptr<state> state_;
};

}  // namespace consentry::queue
