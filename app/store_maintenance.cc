#include "app/store_maintenance.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <mutex>

#include "base/civil_date.h"
#include "base/lmdb_env_compaction.h"
#include "base/log.h"
#include "queue/spool_rewrite.h"

namespace consentry::app {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr const char* room = "app/store_maintenance";
constexpr std::size_t settled_per_commit = 500, blobs_per_commit = 50;
// An erasure that is not complete by then was broken off.
constexpr std::chrono::minutes unfinished_after{15};

json::object shown(const compaction_report& c) {
  return {{"bytes_before", c.bytes_before},
          {"bytes_after", c.bytes_after},
          {"entries", c.entries},
          {"changes_meanwhile", c.changes},
          {"rounds", c.rounds},
          {"longest_writer_pause_ms", static_cast<double>(c.longest_pause.count()) / 1000},
          {"took_ms", c.took.count()}};
}

json::object shown(const queue::spool_rewrite_report& s) {
  return {{"segments_removed", s.segments},
          {"bodies_moved", s.bodies},
          {"bytes_moved", s.bytes},
          {"bodies_damaged", s.damaged}};
}

}  // namespace

struct store_maintenance::state {
  state(store_rooms& r, const wall_clock& c, maintenance_options opts)
      : rooms{r}, clock{c}, o{opts} {}

  store_rooms& rooms;
  const wall_clock& clock;
  const maintenance_options o;
  worker_pool thread{1};
  std::atomic<bool> is_cancelled{false};

  mutable std::mutex mutex;
  bool is_asked = false;
  bool is_running = false;
  std::string step;
  compaction_progress at;
  json::object last;
  instant not_before{};  // after a failure

  result<bool> is_due() const;
  void set_step(std::string name);
  result<void> do_all(json::object& told);
};

store_maintenance::store_maintenance(store_rooms& rooms, const wall_clock& clock,
                                     maintenance_options o)
    : state_{std::make_unique<state>(rooms, clock, o)} {}
store_maintenance::~store_maintenance() = default;

void store_maintenance::state::set_step(std::string name) {
  std::lock_guard lock{mutex};
  step = std::move(name);
}

result<bool> store_maintenance::state::is_due() const {
  const auto now = clock.now();
  {
    std::lock_guard lock{mutex};
    if (is_asked) return true;
    if (now < not_before) return false;
  }
  const auto pending =
      rooms.env.read([&](const read_txn& txn) { return rooms.erasures.pending(txn); });
  if (!pending) return pending.error();
  // Half of the time is kept for trying again.
  if (pending->oldest && now - *pending->oldest >= o.erase_max / 2) return true;
  if (o.finish_erasures && pending->oldest_at_work &&
      now - *pending->oldest_at_work > unfinished_after)
    return true;
  try {
    const auto usage = rooms.env.usage();
    return usage.free_bytes > o.worth_bytes && usage.free_bytes > usage.file_bytes / 2;
  } catch (const store_error& e) {
    return to_failure(e);
  }
}

result<void> store_maintenance::state::do_all(json::object& told) {
  if (o.finish_erasures) {
    set_step("erasures");
    if (auto done = o.finish_erasures(clock.now() - unfinished_after); !done) return done.error();
  }
  // What is complete by now is out of everything that is copied from now on.
  std::uint64_t run = 0;
  auto begun = rooms.commits.run([&](write_txn& txn) { run = rooms.erasures.begin_run(txn); });
  if (!begun) return begun;
  const auto stopped = [this] { return is_cancelled.load(); };
  // Proofs that nobody's consent points to any more go first.
  set_step("evidence");
  std::string after;
  do {
    auto done = rooms.commits.run([&, from = after](write_txn& txn) {
      after = rooms.evidence.sweep(txn, from, blobs_per_commit, clock.now());
    });
    if (!done) return done;
  } while (!after.empty() && !is_cancelled);
  set_step("spool");
  queue::spool_rewrite_options spool_options;
  spool_options.share = o.share;
  spool_options.is_cancelled = stopped;
  const auto spooled =
      queue::rewrite_spool(rooms.env, rooms.commits, rooms.queue, rooms.bodies, spool_options);
  if (!spooled) return spooled.error();
  told["spool"] = shown(*spooled);
  set_step("database");
  compaction_options store_options;
  store_options.share = o.share;
  store_options.reserve_bytes = o.reserve_bytes;
  store_options.is_cancelled = stopped;
  store_options.progress = [this](const compaction_progress& p) {
    std::lock_guard lock{mutex};
    at = p;
  };
  const auto compacted = compact_store(rooms.env, store_options);
  if (!compacted) return compacted.error();
  told["database"] = shown(*compacted);
  if (spooled->left_over != 0 || !compacted->is_old_file_gone)
    return failure{.kind = failure_kind::unavailable,
                   .public_text = "an old file is still in use: the next run removes it"};
  set_step("settle");
  for (bool more = true; more;) {
    auto done = rooms.commits.run([&](write_txn& txn) {
      more = rooms.erasures.settle(txn, run, clock.now(), settled_per_commit);
    });
    if (!done) return done;
  }
  return {};
}

void store_maintenance::ask_again() {
  std::lock_guard lock{state_->mutex};
  state_->is_asked = true;
}

result<void> store_maintenance::work() {
  auto& s = *state_;
  {
    std::lock_guard lock{s.mutex};
    if (s.is_running)
      return failure{.kind = failure_kind::conflict, .public_text = "maintenance is under way"};
    s.is_running = true;
    s.is_asked = false;
    s.at = {};
  }
  json::object told{{"started_at", to_string_utc(s.clock.now())}};
  const auto done = s.do_all(told);
  told["ended_at"] = to_string_utc(s.clock.now());
  told["done"] = done.has_value();
  if (!done) told["why_not"] = done.error().public_text;
  std::lock_guard lock{s.mutex};
  s.is_running = false;
  s.step.clear();
  s.not_before = done ? instant{} : s.clock.now() + s.o.again_after_failure;
  if (done)
    log::info(room, "done", {{"what", json::serialize(told)}});
  else
    log::warn(room, "not_done", {{"why", describe(done.error())}});
  s.last = std::move(told);
  return done;
}

asio::awaitable<void> store_maintenance::run() {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  constexpr std::chrono::milliseconds between_asks{200};
  auto next_look = std::chrono::steady_clock::now();
  while (!state_->is_cancelled) {
    bool is_asked = false;
    {
      std::lock_guard lock{state_->mutex};
      is_asked = state_->is_asked;
    }
    if (is_asked || std::chrono::steady_clock::now() >= next_look) {
      next_look = std::chrono::steady_clock::now() + state_->o.between_looks;
      const auto due = state_->is_due();
      if (!due) log::error(room, "store_unreadable", {{"cause", describe(due.error())}});
      if (due && *due) {
        auto job = [this] { return work(); };
        co_await state_->thread.run(std::move(job));
      }
    }
    timer.expires_after(between_asks);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

result<void> store_maintenance::ask() {
  std::lock_guard lock{state_->mutex};
  if (state_->is_running || state_->is_asked)
    return failure{.kind = failure_kind::conflict, .public_text = "maintenance is under way"};
  state_->is_asked = true;
  return {};
}

json::object store_maintenance::status() const {
  const auto& s = *state_;
  json::object o;
  const auto pending =
      s.rooms.env.read([&](const read_txn& txn) { return s.rooms.erasures.pending(txn); });
  if (pending) {
    o["pending_erasures"] = pending->count;
    if (pending->oldest_at_work) o["oldest_at_work"] = to_string_utc(*pending->oldest_at_work);
    if (pending->oldest) {
      o["oldest_pending"] = to_string_utc(*pending->oldest);
      o["gone_by"] = to_string_utc(*pending->oldest + s.o.erase_max);
    }
  }
  std::lock_guard lock{s.mutex};
  o["running"] = s.is_running || s.is_asked;
  if (!s.step.empty()) o["step"] = s.step;
  if (s.is_running) {
    o["entries"] = s.at.entries;
    o["entries_total"] = s.at.entries_total;
  }
  if (!s.last.empty()) o["last"] = s.last;
  return o;
}

void store_maintenance::cancel() {
  state_->is_cancelled = true;
}

}  // namespace consentry::app
