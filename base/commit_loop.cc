#include "base/commit_loop.h"

#include <atomic>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"

namespace consentry {
namespace {

struct waiting_operation {
  commit_loop::operation apply;
  commit_loop::completion done;
};
using group = std::vector<waiting_operation>;

const failure stopping{.kind = failure_kind::unavailable, .public_text = "shutting down"};
const failure too_many{.kind = failure_kind::limit, .public_text = "too many waiting writes"};
const failure disk_full{.kind = failure_kind::storage_full,
                        .public_text = "insufficient system storage",
                        .private_cause = "less free disk than the reserve"};

bool breaks(const failure& f) {
  return f.kind == failure_kind::storage_broken;
}

}  // namespace

struct commit_loop::state {
  state(store_env& e, options o, std::function<void(const failure&)> broken)
      : env{e}, limits{o}, on_broken{std::move(broken)} {}

  store_env& env;
  const options limits;
  const std::function<void(const failure&)> on_broken;
  std::vector<std::function<result<void>()>> presyncs;

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<waiting_operation> waiting;
  bool is_asleep = false;      // the writer waits for a first operation
  std::size_t last_group = 0;  // how many the last one had
  bool is_stopping = false;
  std::optional<failure> broken;

  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> operations{0};
  latency_histogram times;
  std::thread thread;

  void run();
  group take();
  void commit_group(group& g);
  result<void> try_commit(std::span<waiting_operation> ops);
  result<void> prepare();
  void finish(waiting_operation& op, const result<void>& r);
  void break_down(const failure& f);
};

// Waits for work; an empty group means: stopping and all done.
group commit_loop::state::take() {
  std::unique_lock lock{mutex};
  is_asleep = true;
  wake.wait(lock, [&] { return is_stopping || !waiting.empty(); });
  is_asleep = false;
  // Nobody wakes the writer meanwhile: it would only go back to sleep.
  if (last_group > 1 && limits.gather.count() > 0)
    wake.wait_for(lock, limits.gather,
                  [&] { return is_stopping || waiting.size() >= limits.group_max; });
  group g;
  const auto count = last_group = std::min(waiting.size(), limits.group_max);
  g.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    g.push_back(std::move(waiting.front()));
    waiting.pop_front();
  }
  return g;
}

void commit_loop::state::run() {
  for (group g = take(); !g.empty(); g = take()) {
    if (broken)
      for (auto& op : g) finish(op, *broken);
    else
      commit_group(g);
  }
}

result<void> commit_loop::state::prepare() {
  if (env.free_disk_bytes() < limits.reserve_bytes) return disk_full;
  for (const auto& presync : presyncs)
    if (auto r = presync(); !r) return r;
  return {};
}

result<void> commit_loop::state::try_commit(std::span<waiting_operation> ops) {
  try {
    auto txn = env.begin_write();
    for (auto& op : ops) op.apply(txn);
    txn.commit();
  } catch (...) {
    return failure_of_current_exception();
  }
  ++commits;
  operations += ops.size();
  return {};
}

void commit_loop::state::finish(waiting_operation& op, const result<void>& r) {
  op.done(r);
  // What the operation captured must not outlive its answer.
  op = {};
}

void commit_loop::state::commit_group(group& g) {
  const auto begun = std::chrono::steady_clock::now();
  auto whole = prepare();
  if (whole) whole = try_commit(g);
  times.observe(std::chrono::steady_clock::now() - begun);
  if (whole || breaks(whole.error()) || g.size() == 1) {
    if (!whole && breaks(whole.error())) break_down(whole.error());
    for (auto& op : g) finish(op, whole);
    return;
  }
  // One of them did not fit: each alone, so that the small ones still get in.
  for (auto& op : g) {
    auto alone = broken ? result<void>{*broken} : prepare();
    if (alone) alone = try_commit({&op, 1});
    if (!alone && breaks(alone.error()) && !broken) break_down(alone.error());
    finish(op, alone);
  }
}

void commit_loop::state::break_down(const failure& f) {
  std::deque<waiting_operation> stranded;
  {
    std::lock_guard lock{mutex};
    broken = f;
    stranded.swap(waiting);
  }
  log::error("base/commit_loop", "store_broken", {{"cause", f.private_cause}});
  for (auto& op : stranded) finish(op, f);
  on_broken(f);
}

commit_loop::commit_loop(store_env& env, options o, std::function<void(const failure&)> on_broken)
    : state_{std::make_unique<state>(env, o, std::move(on_broken))} {
  state_->thread = std::thread{[s = state_.get()] { s->run(); }};
}

commit_loop::~commit_loop() {
  stop();
}

void commit_loop::add_presync(std::function<result<void>()> presync) {
  state_->presyncs.push_back(std::move(presync));
}

void commit_loop::submit(operation op, completion done) {
  std::optional<failure> no;
  bool is_asleep = false;
  {
    std::lock_guard lock{state_->mutex};
    is_asleep = state_->is_asleep;
    if (state_->broken)
      no = state_->broken;
    else if (state_->is_stopping)
      no = stopping;
    else if (state_->waiting.size() >= state_->limits.waiting_max)
      no = too_many;
    else
      state_->waiting.push_back({std::move(op), std::move(done)});
  }
  if (no)
    done(*no);
  else if (is_asleep)
    state_->wake.notify_one();
}

result<void> commit_loop::run(operation op) {
  CONSENTRY_CHECK(std::this_thread::get_id() != state_->thread.get_id());
  std::promise<result<void>> promise;
  auto answer = promise.get_future();
  submit(std::move(op), [&promise](result<void> r) { promise.set_value(std::move(r)); });
  return answer.get();
}

boost::asio::awaitable<result<void>> commit_loop::commit(operation op) {
  namespace asio = boost::asio;
  auto initiate = [this, op = std::move(op)](auto handler) mutable {
    // The guard keeps the waiting coroutine's io_context at work until the writer has answered. It
    // goes with the answer: who was answered may end that context, and the writer must hold
    // nothing of it then.
    const auto executor = asio::prefer(asio::get_associated_executor(handler),
                                       asio::execution::outstanding_work.untracked);
    struct waiting {
      decltype(handler) resume;
      decltype(asio::make_work_guard(executor)) guard;
    };
    auto waits =
        std::make_shared<waiting>(waiting{std::move(handler), asio::make_work_guard(executor)});
    submit(std::move(op), [waits, executor](result<void> r) mutable {
      asio::post(executor, [waits = std::move(waits), r = std::move(r)]() mutable {
        waits->resume(std::move(r));
      });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(result<void>)>(
      std::move(initiate), asio::use_awaitable);
}

void commit_loop::stop() {
  {
    std::lock_guard lock{state_->mutex};
    state_->is_stopping = true;
  }
  state_->wake.notify_one();
  if (state_->thread.joinable()) state_->thread.join();
}

std::uint64_t commit_loop::commits() const noexcept {
  return state_->commits;
}
std::uint64_t commit_loop::operations() const noexcept {
  return state_->operations;
}
const latency_histogram& commit_loop::times() const noexcept {
  return state_->times;
}
bool commit_loop::is_broken() const {
  const std::lock_guard lock{state_->mutex};
  return state_->broken.has_value();
}

}  // namespace consentry
