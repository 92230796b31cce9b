#include <boost/asio.hpp>
#include <catch2/catch.hpp>

#include "base/commit_loop.h"
#include "base/task_scope.h"
#include "base/worker_pool.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
namespace asio = boost::asio;

namespace {

asio::awaitable<void> wait_for_ever(bool& ended) {
  asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::hours{1}};
  try {
    co_await timer.async_wait(asio::use_awaitable);
  } catch (const boost::system::system_error&) {
    ended = true;
    throw;
  }
}

asio::awaitable<void> cancel_and_drain(task_scope& scope) {
  scope.cancel();
  co_await scope.drained();
}

asio::awaitable<void> use_workers(worker_pool& pool, std::thread::id& job, std::thread::id& after,
                                  int& value) {
  auto work = [&job] {
    job = std::this_thread::get_id();
    return 42;
  };
  value = co_await pool.run(std::move(work));
  after = std::this_thread::get_id();
}

asio::awaitable<void> commit_some(commit_loop& loop, table t, int& ok) {
  commit_loop::operation op = [t](write_txn& txn) { txn.put(t, "k", "v"); };
  const auto r = co_await loop.commit(std::move(op));
  ok += r.has_value();
}

}  // namespace

TEST_CASE("a scope cancels and drains its tasks") {
  asio::io_context io;
  bool ended[3] = {};
  {
    task_scope scope{io.get_executor()};
    for (auto& e : ended) scope.spawn(wait_for_ever(e));
    CHECK(scope.running() == 3);
    asio::co_spawn(io, cancel_and_drain(scope), asio::detached);
    io.run();
    CHECK(scope.running() == 0);
  }
  CHECK((ended[0] && ended[1] && ended[2]));
}

TEST_CASE("work runs on a worker and comes back to its own thread") {
  asio::io_context io;
  worker_pool pool{2};
  std::thread::id job, after;
  int value = 0;
  asio::co_spawn(io, use_workers(pool, job, after, value), asio::detached);
  io.run();
  CHECK(value == 42);
  CHECK((after == std::this_thread::get_id()));
  CHECK((job != after));
}

TEST_CASE("coroutines that commit together share a sync") {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path(), .map_size = 16u << 20}};
  const table t = env.open_table("t");
  commit_loop loop{env, {.reserve_bytes = 0}, [](const failure&) {}};
  asio::io_context io;
  int ok = 0;
  for (int i = 0; i < 200; ++i) asio::co_spawn(io, commit_some(loop, t, ok), asio::detached);
  io.run();
  CHECK(ok == 200);
  CHECK(loop.commits() < 200);
}
