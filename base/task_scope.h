// Owns coroutines: every task has an owner that cancels and drains it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

namespace consentry {

// Use from any thread. An exception that leaves a task is a bug: it is logged and the process
// aborts.
class task_scope {
 public:
  explicit task_scope(boost::asio::any_io_executor executor);
  ~task_scope();  // CHECKs that nothing runs any more
  task_scope(const task_scope&) = delete;
  task_scope& operator=(const task_scope&) = delete;

  // Starts task on the scope's executor, or on the one given.
  void spawn(boost::asio::awaitable<void> task);
  void spawn_on(boost::asio::any_io_executor executor, boost::asio::awaitable<void> task);

  // Asks every task to end (terminal cancellation of what it waits for); tasks spawned later are
  // cancelled at once.
  void cancel();

  // Returns when no task runs. Call cancel() before, unless the tasks end by themselves.
  boost::asio::awaitable<void> drained();

  std::size_t running() const noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace consentry
