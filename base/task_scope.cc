#include "base/task_scope.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <mutex>

#include "base/check.h"
#include "base/log.h"

namespace consentry {

namespace asio = boost::asio;

namespace {

// A task's signal is only touched on the task's executor, where its operations run.
struct task {
  explicit task(asio::any_io_executor e) : executor{std::move(e)} {}
  asio::any_io_executor executor;
  asio::cancellation_signal signal;
};

}  // namespace

struct task_scope::state : std::enable_shared_from_this<task_scope::state> {
  explicit state(asio::any_io_executor e) : executor{std::move(e)} {}

  asio::any_io_executor executor;
  mutable std::mutex mutex;
  std::map<std::uint64_t, std::shared_ptr<task>> tasks;
  std::uint64_t next = 0;
  bool is_cancelled = false;

  void ended(std::uint64_t number, std::exception_ptr error);
};

void task_scope::state::ended(std::uint64_t number, std::exception_ptr error) {
  if (error) {
    try {
      std::rethrow_exception(error);
    } catch (const boost::system::system_error& e) {
      // Cancellation reaches a task as this; anything else is a bug.
      if (e.code() != asio::error::operation_aborted) {
        log::error("base/task_scope", "task_failed", {{"what", e.what()}});
        check_failed(__FILE__, __LINE__, e.what());
      }
    } catch (const std::exception& e) {
      log::error("base/task_scope", "task_failed", {{"what", e.what()}});
      check_failed(__FILE__, __LINE__, e.what());
    }
  }
  std::lock_guard lock{mutex};
  tasks.erase(number);
}

task_scope::task_scope(asio::any_io_executor executor)
    : state_{std::make_shared<state>(std::move(executor))} {}

task_scope::~task_scope() {
  CONSENTRY_CHECK(running() == 0);
}

void task_scope::spawn(asio::awaitable<void> t) {
  spawn_on(state_->executor, std::move(t));
}

void task_scope::spawn_on(asio::any_io_executor executor, asio::awaitable<void> t) {
  auto entry = std::make_shared<task>(executor);
  std::uint64_t number = 0;
  bool cancelled = false;
  {
    std::lock_guard lock{state_->mutex};
    number = ++state_->next;
    state_->tasks.emplace(number, entry);
    cancelled = state_->is_cancelled;
  }
  auto done = [s = state_, number](std::exception_ptr error) { s->ended(number, error); };
  asio::co_spawn(executor, std::move(t),
                 asio::bind_cancellation_slot(entry->signal.slot(), std::move(done)));
  if (cancelled)
    asio::post(executor, [entry] { entry->signal.emit(asio::cancellation_type::terminal); });
}

void task_scope::cancel() {
  std::lock_guard lock{state_->mutex};
  state_->is_cancelled = true;
  for (auto& [number, t] : state_->tasks)
    asio::post(t->executor, [t = t] { t->signal.emit(asio::cancellation_type::terminal); });
}

asio::awaitable<void> task_scope::drained() {
  // Tasks end on several threads; a short poll is simpler than a signal across them, and this only
  // runs at shutdown.
  asio::steady_timer timer{co_await asio::this_coro::executor};
  while (running() != 0) {
    timer.expires_after(std::chrono::milliseconds{2});
    co_await timer.async_wait(asio::use_awaitable);
  }
}

std::size_t task_scope::running() const noexcept {
  std::lock_guard lock{state_->mutex};
  return state_->tasks.size();
}

}  // namespace consentry
