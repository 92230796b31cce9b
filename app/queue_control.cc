#include "app/queue_control.h"

#include "base/log.h"

namespace consentry::app {
namespace {

constexpr std::size_t rows_per_slice = 500;

journal::event_kind kind_of(queue_act a) {
  return a == queue_act::hold      ? journal::event_kind::held
         : a == queue_act::release ? journal::event_kind::released
                                   : journal::event_kind::purged;
}

queue::slice run_slice(write_txn& txn, store_rooms& rooms, const queue_order& o, instant now,
                       const std::string& resume) {
  const queue::queue_store::visit journaled = [&](write_txn& t, const queue::queued_message& m,
                                                  const queue::queued_recipient& r) {
    journal::event e;
    e.kind = kind_of(o.what);
    e.at = now;
    e.tenant = m.tenant;
    e.message = m.id;
    e.recipient = r.id;
    e.stream = m.stream;
    e.person = r.person;
    e.campaign = m.campaign;
    e.topic = m.topic;
    e.reason = o.reason;
    e.actor = o.actor;
    rooms.journal.append(t, e);
  };
  auto& q = rooms.queue;
  switch (o.what) {
    case queue_act::hold:
      return q.hold(txn, o.which, o.reason, now, resume, rows_per_slice, journaled);
    case queue_act::release:
      return q.release(txn, o.which, now, resume, rows_per_slice, journaled);
    case queue_act::purge:
      return q.purge(txn, o.which, o.reason, now, resume, rows_per_slice, journaled);
  }
  return {};
}

}  // namespace

boost::asio::awaitable<result<std::uint64_t>> carry_out(store_rooms& rooms, const wall_clock& clock,
                                                        queue_order order) {
  std::uint64_t changed = 0;
  auto done = std::make_shared<queue::slice>();
  auto shared = std::make_shared<const queue_order>(std::move(order));
  do {
    commit_loop::operation op = [&rooms, shared, done, resume = done->resume,
                                 now = clock.now()](write_txn& txn) {
      *done = run_slice(txn, rooms, *shared, now, resume);
    };
    const auto committed = co_await rooms.commits.commit(std::move(op));
    if (!committed) co_return committed.error();
    changed += done->changed;
  } while (done->more);
  co_return changed;
}

boost::asio::awaitable<void> hold_bulk(store_rooms& rooms, const wall_clock& clock,
                                       tenant_id tenant) {
  queue_order order{.what = queue_act::hold,
                    .reason = std::string{reputation::bulk_blocked_reason},
                    .actor = "gateway"};
  order.which.tenant = tenant;
  order.which.stream = smtp::stream::bulk;
  const auto held = co_await carry_out(rooms, clock, std::move(order));
  if (!held)
    log::error("app/queue_control", "hold_failed", {{"cause", describe(held.error())}});
  else
    log::info("app/queue_control", "held", {{"tenant", tenant.value}, {"recipients", *held}});
}

boost::asio::awaitable<result<std::uint64_t>> release_blocked(
    store_rooms& rooms, const wall_clock& clock, tenant_id tenant, std::string reason,
    std::string actor, std::function<void(instant due)> notify) {
  queue_order order{
      .what = queue_act::release, .reason = std::move(reason), .actor = std::move(actor)};
  order.which.tenant = tenant;
  order.which.stream = smtp::stream::bulk;
  order.which.held_because = std::string{reputation::bulk_blocked_reason};
  const auto begun = clock.now();
  auto released = co_await carry_out(rooms, clock, std::move(order));
  notify(begun);
  co_return released;
}

boost::asio::awaitable<void> finish_unblocks(store_rooms& rooms, const wall_clock& clock,
                                             std::function<void(instant due)> notify) {
  const auto directory = rooms.directory.get();
  for (const auto& t : directory->tenants()) {
    const auto is_left = rooms.env.read([&](read_txn& txn) {
      return !rooms.blocker.standing_of(txn, t.id).bulk_blocked &&
             rooms.queue.counts(txn, t.id, smtp::stream::bulk).held != 0;
    });
    if (!is_left || !*is_left) continue;
    std::string why = "unblocked before a restart", actor = "gateway";
    auto tell = notify;
    const auto released = co_await release_blocked(rooms, clock, t.id, std::move(why),
                                                   std::move(actor), std::move(tell));
    if (!released)
      log::error("app/queue_control", "release_failed", {{"cause", describe(released.error())}});
    else if (*released != 0)
      log::info("app/queue_control", "released",
                {{"tenant", t.id.value}, {"recipients", *released}});
  }
}

}  // namespace consentry::app
