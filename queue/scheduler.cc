#include "queue/scheduler.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "base/secret.h"
#include "queue/scheduler_state.h"

namespace consentry::queue {
namespace {

namespace asio = boost::asio;
constexpr std::string_view room = "queue/scheduler";

working_set_limits limits_of(const scheduler_settings& s) {
  return {.in_memory_max = {s.prompt_in_memory_max, s.bulk_in_memory_max},
          .share_max = s.share_max,
          .in_flight_max = s.in_flight_max,
          .down = s.down};
}

loader_settings loader_of(const scheduler_settings& s) {
  return {.rows_per_pass = s.rows_per_pass,
          .in_memory_max = {s.prompt_in_memory_max, s.bulk_in_memory_max},
          .share_max = s.share_max};
}

}  // namespace

scheduler::state::state(asio::any_io_executor e, parts parts_, scheduler_settings s)
    : executor{e},
      p{parts_},
      settings{std::move(s)},
      own_rules{pacing_rules::parse("", "settings", settings.paths, {})},
      tasks{e},
      memory{limits_of(settings), rules()},
      sleep{e},
      from_disk{memory, [this](const std::string& domain) { return p.carrier.site_of(domain); },
                loader_of(settings)},
      kept_counts{p.env},
      random{static_cast<std::minstd_rand::result_type>(random_u64())} {
  if (p.stopped != nullptr)
    memory.set_stops({.path = [by_hand = p.stopped](
                                  std::string_view site,
                                  std::string_view source) { return by_hand->stops(site, source); },
                      .flow = {}});
}

void scheduler::state::wake() {
  woken = true;
  sleep.cancel();
}

void scheduler::state::seen(instant due) {
  from_disk.seen(due);
  wake();
}

void scheduler::state::seen(const queued_message& m, instant due) {
  from_disk.seen(flow_of(m), lane_of(m), due);
  wake();
}

std::shared_ptr<const pacing_rules> scheduler::state::rules() const {
  return p.pacing ? p.pacing() : own_rules;
}

std::shared_ptr<const smtp::bounce_rules> scheduler::state::bounces() const {
  return p.bounces ? p.bounces() : smtp::bounce_rules::shipped();
}

void scheduler::state::storage_failed(const failure& f) {
  if (!broken) log::error(room, "store_failed", {{"cause", describe(f)}});
  broken = true;
  wake();
}

asio::awaitable<bool> scheduler::state::commit(commit_loop::operation op) {
  asio::steady_timer timer{executor};
  while (!broken) {
    auto again = op;
    auto r = co_await p.commits.commit(std::move(again));
    if (r) co_return true;
    const auto kind = r.error().kind;
    if (kind == failure_kind::storage_full || kind == failure_kind::limit) {
      log::warn(room, "commit_waits", {{"cause", describe(r.error())}});
      if (stopped) co_return false;
      timer.expires_after(settings.commit_again);
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    } else if (kind == failure_kind::unavailable) {
      broken = true;  // the process ends; what was not recorded is due again
    } else {
      storage_failed(r.error());
    }
  }
  co_return false;
}

void scheduler::state::dispatch() {
  const auto now = p.clock.now();
  while (auto next = memory.take(now)) tasks.spawn(attempt(shared_from_this(), std::move(*next)));
  counters.in_flight = memory.in_flight();
  counters.working_set = memory.size();
}

std::chrono::milliseconds scheduler::state::until_next() const {
  const auto now = p.clock.now();
  auto wait = settings.look_again;
  if (const auto next = from_disk.next_due()) wait = std::min(wait, *next - now);
  if (const auto next = memory.next_start()) wait = std::min(wait, *next - now);
  return std::max(wait, std::chrono::milliseconds{1});
}

asio::awaitable<void> scheduler::state::run() {
  const auto self = shared_from_this();
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto found = p.env.read([&](const read_txn& txn) {
    from_disk.begin(store_index{p.store, txn, p.tenant_name});
    memory.restore(kept_counts.read(txn, p.clock.now()), p.clock.now());
    return true;
  });
  if (!found) storage_failed(found.error());
  while (!stopping && !broken) {
    woken = false;
    const bool more = fill();
    dispatch();
    if (more || woken) {  // let others have the thread between two passes
      co_await asio::post(executor, asio::use_awaitable);
      continue;
    }
    sleep.expires_after(until_next());
    co_await sleep.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  stopped = true;
}

asio::awaitable<void> scheduler::state::keep_house() {
  const auto self = shared_from_this();
  co_await asio::this_coro::throw_if_cancelled(false);
  asio::steady_timer timer{executor};
  while (!stopping && !broken) {
    // First the leases, then the store: what is committed between the two is counted.
    const auto candidates = p.bodies.removable();
    std::vector<std::uint32_t> empty;
    const auto r = p.env.read([&](const read_txn& txn) {
      for (const auto segment : candidates)
        if (p.store.open_messages_in(txn, segment) == 0) empty.push_back(segment);
    });
    if (!r) storage_failed(r.error());
    for (const auto segment : empty) p.bodies.remove(segment);

    const auto now = p.clock.now();
    memory.forget_idle(now);
    seen(now);  // should a flow have been missed, it is found now
    if (now - trimmed_at >= std::chrono::hours{1}) {
      auto done = std::make_shared<slice>();
      auto op = [s = self, done, now](write_txn& txn) {
        *done = s->p.store.trim(txn, now - s->settings.keep_finished, s->trim_resume,
                                s->settings.rows_per_pass);
      };
      if (co_await commit(std::move(op))) {
        trim_resume = done->resume;
        if (!done->more) trimmed_at = now;
      }
    }
    if (stopping) break;  // told while the commit went on
    timer.expires_after(trim_resume.empty() ? std::chrono::milliseconds{settings.housekeeping}
                                            : std::chrono::milliseconds{100});
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) break;
  }
}

asio::awaitable<void> scheduler::state::write_counts() {
  const auto now = p.clock.now();
  auto counts = std::make_shared<const std::vector<working_set::kept_count>>(memory.counts(now));
  if (*counts == counts_written) co_return;
  auto op = [s = shared_from_this(), counts, now](write_txn& txn) {
    s->kept_counts.write(txn, *counts, now);
  };
  if (co_await commit(std::move(op))) counts_written = *counts;
}

void scheduler::state::show_paths() {
  paths_seen.store(
      std::make_shared<const std::vector<working_set::path_state>>(memory.states(p.clock.now())));
}

asio::awaitable<void> scheduler::state::keep_counts() {
  const auto self = shared_from_this();
  co_await asio::this_coro::throw_if_cancelled(false);
  asio::steady_timer timer{executor};
  while (!stopping && !broken) {
    show_paths();
    co_await write_counts();
    if (stopping) break;
    timer.expires_after(settings.counts_written_every);
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) break;
  }
}

scheduler::scheduler(asio::any_io_executor executor, parts p, scheduler_settings s)
    : state_{std::make_shared<state>(std::move(executor), p, std::move(s))} {}
scheduler::~scheduler() = default;

void scheduler::start() {
  state_->tasks.spawn(state_->run());
  state_->tasks.spawn(state_->keep_house());
  state_->tasks.spawn(state_->keep_counts());
}

void scheduler::notify(instant due) {
  asio::post(state_->executor, [s = state_, due] { s->seen(due); });
}

void scheduler::notify(const flow_id& flow, lane in, instant due) {
  asio::post(state_->executor, [s = state_, flow, in, due] {
    s->from_disk.seen(flow, in, due);
    s->wake();
  });
}

asio::awaitable<void> scheduler::stop(std::chrono::milliseconds patience) {
  const auto s = state_;
  s->stopping = true;
  s->wake();
  asio::steady_timer timer{s->executor};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (s->memory.in_flight() > 0 && std::chrono::steady_clock::now() < deadline) {
    timer.expires_after(std::chrono::milliseconds{5});
    co_await timer.async_wait(asio::use_awaitable);
  }
  if (!s->broken) co_await s->write_counts();
  s->stopped = true;
  s->tasks.cancel();
  co_await s->tasks.drained();
}

std::shared_ptr<const std::vector<working_set::path_state>> scheduler::paths() const {
  auto seen = state_->paths_seen.load();
  return seen ? seen : std::make_shared<const std::vector<working_set::path_state>>();
}

const site_replies& scheduler::replies() const {
  return state_->replies;
}

void scheduler::rules_changed() {
  asio::post(state_->executor, [s = state_] { s->wake(); });
}

queue_stats scheduler::stats() const {
  const auto& s = *state_;
  queue_stats out;
  const auto r = s.p.env.read([&](const read_txn& txn) { return s.p.store.counts(txn); });
  if (r) {
    out.queued = r->queued;
    out.held = r->held;
  }
  out.working_set = s.counters.working_set;
  out.in_flight = s.counters.in_flight;
  out.delivered = s.counters.delivered;
  out.deferred = s.counters.deferred;
  out.bounced = s.counters.bounced;
  out.gate_held = s.counters.gate_held;
  out.notices = s.counters.notices;
  out.parked = s.counters.parked;
  out.spool_segments = s.p.bodies.segments();
  out.spool_bytes = s.p.bodies.bytes();
  return out;
}

}  // namespace consentry::queue
