// The one writer. Operations that arrive together are committed together: one sync serves them all.
//
//   take a group -> run the presyncs (spool segments) -> one LMDB transaction runs each operation
//   -> commit -> tell all
//
// A commit costs the same few pages of each table however many operations share it, so while
// several come at a time (the last group had more than one) the writer gives a group a moment to
// grow: options::gather. Operations that come one by one do not wait for it.
//
// An operation must be re-runnable: when one of a group fails, the transaction is dropped and each
// is tried alone, so that only the guilty one fails. Its only effect is on the transaction and on
// variables it owns and resets itself.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/lmdb_env.h"
#include "base/metrics.h"
#include "base/result.h"

namespace consentry {

class commit_loop {
 public:
  using operation = std::function<void(write_txn&)>;  // may throw store_error
  using completion = std::function<void(result<void>)>;

  struct options {
    std::size_t group_max = 2048;            // operations in one transaction
    std::size_t waiting_max = 65536;         // more are refused with failure_kind::limit
    std::uint64_t reserve_bytes = 64 << 20;  // less free disk than this is "full"
    std::chrono::microseconds gather{2000};  // from a group's first operation; 0: never waits
  };

  // on_broken is called once, on the writer thread, after a sync or write failed in a way that
  // leaves the disk's state unknown. By then all who waited have got storage_broken, and every
  // later submit gets it at once.
  commit_loop(store_env& env, options o, std::function<void(const failure&)> on_broken);
  ~commit_loop();  // stop()
  commit_loop(const commit_loop&) = delete;
  commit_loop& operator=(const commit_loop&) = delete;

  // What must be on disk before the transaction that names it (the spool's bodies). Runs on the
  // writer thread before each group. A failure of kind storage_full fails the group; any other
  // breaks the loop. Register before the first submit.
  void add_presync(std::function<result<void>()> presync);

  // Any thread. done is called on the writer thread, after the commit is on disk or has failed; it
  // must be short. storage_full: nothing was written, later may help. storage_broken: stop.
  // unavailable: stopping.
  void submit(operation op, completion done);

  // Any thread but the writer's; waits.
  result<void> run(operation op);

  // Suspends the calling coroutine and resumes it on its own executor. The operation is not
  // cancellable.
  boost::asio::awaitable<result<void>> commit(operation op);

  // Finishes what was submitted, then ends the thread. Later submits get unavailable.
  void stop();

  std::uint64_t commits() const noexcept;     // transactions
  std::uint64_t operations() const noexcept;  // operations that were committed
  // Of each transaction: presyncs, operations and the sync.
  const latency_histogram& times() const noexcept;
  bool is_broken() const;  // storage_broken is the answer to all

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace consentry
