#include "app/renewal_task.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"

namespace consentry::app {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds between_batches{500};
constexpr std::chrono::milliseconds while_more{5};
constexpr std::chrono::minutes between_trims{10};
constexpr std::size_t rows_per_trim = 2000;
// The desk may need a report for a while after the last day on which one about that mail can come.
constexpr std::chrono::hours reports_longer{24 * 30};
constexpr std::size_t blobs_per_sweep = 64;

// True: more waits.
asio::awaitable<bool> apply_one_batch(store_rooms& rooms) {
  auto collected = rooms.env.read([&](read_txn& txn) { return rooms.renewals.collect(txn); });
  if (!collected) {
    log::error("app/renewal_task", "store_unreadable", {{"cause", describe(collected.error())}});
    co_return false;
  }
  if (collected->is_idle()) co_return false;
  const auto batch = std::make_shared<const policy::consent::renewal_batch>(std::move(*collected));
  commit_loop::operation op = [&rooms, batch](write_txn& txn) {
    rooms.renewals.apply(txn, *batch);
  };
  const auto done = co_await rooms.commits.commit(std::move(op));
  if (!done) co_return false;
  rooms.renewals.applied(*batch);
  co_return batch->is_more;
}

// True: there is more to remove.
asio::awaitable<bool> trim_verdicts(store_rooms& rooms, const policy::rule_knobs& knobs,
                                    instant now, std::chrono::hours keep_verdicts) {
  auto more = std::make_shared<bool>(false);
  using enum policy::rule_knobs::kept_evidence;
  const auto old = now - std::chrono::hours{24} * knobs.evidence_keep_days;
  // What is kept no more goes at once, whatever its age.
  const auto decisions_before = knobs.evidence_keep == nothing ? instant::max() : old;
  const auto texts_before = knobs.evidence_keep == messages ? old : instant::max();
  commit_loop::operation op = [&rooms, before = now - keep_verdicts, decisions_before, texts_before,
                               more](write_txn& txn) {
    const bool more_verdicts = rooms.verdicts.trim(txn, before, rows_per_trim);
    const bool more_reports = rooms.reports.trim(txn, before - reports_longer, rows_per_trim / 10);
    *more = rooms.decisions.trim(txn, decisions_before, texts_before, rows_per_trim) ||
            more_verdicts || more_reports;
  };
  const auto done = co_await rooms.commits.commit(std::move(op));
  if (!done) log::warn("app/renewal_task", "trim_failed", {{"cause", describe(done.error())}});
  co_return done && *more;
}

// Blobs that no consent points to any more (RULES D4), a few at a time. True: there are more.
asio::awaitable<bool> sweep_evidence(store_rooms& rooms, instant now, std::string& after) {
  auto next = std::make_shared<std::string>();
  commit_loop::operation op = [&rooms, now, after, next](write_txn& txn) {
    *next = rooms.evidence.sweep(txn, after, blobs_per_sweep, now);
  };
  const auto done = co_await rooms.commits.commit(std::move(op));
  if (!done) log::warn("app/renewal_task", "sweep_failed", {{"cause", describe(done.error())}});
  after = done ? *next : std::string{};
  co_return !after.empty();
}

// A block whose commit failed has closed the gate in memory alone.
void settle_gates(store_rooms& rooms) {
  const auto seen = rooms.env.read([&](read_txn& txn) { rooms.blocker.refresh_closed(txn); });
  if (!seen)
    log::error("app/renewal_task", "store_unreadable", {{"cause", describe(seen.error())}});
}

}  // namespace

asio::awaitable<void> apply_renewals(store_rooms& rooms, const live_settings& live,
                                     const wall_clock& clock, std::chrono::hours keep_verdicts) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  auto next_trim = std::chrono::steady_clock::now();
  auto next_sweep = next_trim;
  std::string swept;  // the blob looked at last
  for (;;) {
    const bool more = co_await apply_one_batch(rooms);
    if (std::chrono::steady_clock::now() >= next_trim) {
      const auto policy = live.policy.get();
      const bool more_verdicts =
          co_await trim_verdicts(rooms, policy->set->rules, clock.now(), keep_verdicts);
      next_trim = std::chrono::steady_clock::now();
      if (!more_verdicts) next_trim += between_trims;
    }
    if (std::chrono::steady_clock::now() >= next_sweep) {
      const bool more_blobs = co_await sweep_evidence(rooms, clock.now(), swept);
      next_sweep = std::chrono::steady_clock::now();
      if (!more_blobs) next_sweep += between_trims;
    }
    if (!more) settle_gates(rooms);
    timer.expires_after(more ? while_more : between_batches);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace consentry::app
