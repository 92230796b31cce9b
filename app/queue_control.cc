#include "app/queue_control.h"

#include "base/log.h"

namespace consentry::app {
namespace {

constexpr std::size_t rows_per_slice = 500;
constexpr std::size_t parked_rows_per_slice = 2000;
constexpr std::size_t fact_bytes_max = 900;

journal::event_kind kind_of(queue_act a) {
  switch (a) {
    case queue_act::hold:
      return journal::event_kind::held;
    case queue_act::release:
      return journal::event_kind::released;
    case queue_act::purge:
      return journal::event_kind::purged;
    case queue_act::requeue:
    case queue_act::move:
      break;
  }
  return journal::event_kind::desk_act;
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
    case queue_act::requeue:
      return q.requeue(txn, o.which, now, resume, rows_per_slice);
    case queue_act::move:
      return q.assign_pool(txn, o.which, o.pool, now, resume, rows_per_slice);
  }
  return {};
}

// What was asked for, where no recipient's own entry says it. changed: nullopt at the beginning.
journal::event act_event(const queue_order& o, instant now, std::optional<std::uint64_t> changed) {
  journal::event e;
  e.kind = journal::event_kind::desk_act;
  e.at = now;
  e.tenant = o.which.tenant;
  e.message = o.which.message;
  e.recipient = o.which.recipient;
  if (o.which.stream) e.stream = *o.which.stream;
  e.campaign = o.which.campaign.value_or("");
  e.reason = o.reason;
  e.actor = o.actor;
  e.facts["what"] = "queue." + std::string{name_of(o.what)};
  if (o.what == queue_act::move) e.facts["pool"] = o.pool;
  if (o.which.state) e.facts["state"] = queue::to_string(*o.which.state);
  if (o.which.accepted_from != instant{})
    e.facts["accepted_from"] = to_string_utc(o.which.accepted_from);
  if (o.which.accepted_before != instant::max())
    e.facts["accepted_before"] = to_string_utc(o.which.accepted_before);
  if (o.which.domains) {
    std::string names;
    for (const auto& d : *o.which.domains)
      if (names.size() + d.size() < fact_bytes_max) names += (names.empty() ? "" : " ") + d;
    e.facts["domains"] = names;
  }
  if (changed) e.facts["changed"] = std::to_string(*changed);
  return e;
}

// The acts leave rows behind that name what is no longer so: half a million of them would each cost
// the scheduler a look and a commit.
boost::asio::awaitable<result<void>> clear_parked(store_rooms& rooms,
                                                  std::shared_ptr<const queue_order> order) {
  auto done = std::make_shared<queue::slice>();
  do {
    commit_loop::operation op = [&rooms, order, done, resume = done->resume](write_txn& txn) {
      *done = rooms.queue.drop_stale_parked(txn, order->which, resume, parked_rows_per_slice);
    };
    const auto committed = co_await rooms.commits.commit(std::move(op));
    if (!committed) co_return committed.error();
  } while (done->more);
  co_return result<void>{};
}

}  // namespace

std::string_view name_of(queue_act what) noexcept {
  switch (what) {
    case queue_act::hold:
      return "hold";
    case queue_act::release:
      return "release";
    case queue_act::purge:
      return "purge";
    case queue_act::requeue:
      return "requeue";
    case queue_act::move:
      return "move";
  }
  return "unknown";
}

boost::asio::awaitable<result<std::uint64_t>> carry_out(store_rooms& rooms, const wall_clock& clock,
                                                        queue_order order, changed_so_far so_far) {
  std::uint64_t changed = 0;
  auto done = std::make_shared<queue::slice>();
  auto shared = std::make_shared<const queue_order>(std::move(order));
  const bool is_one_act = kind_of(shared->what) == journal::event_kind::desk_act;
  do {
    commit_loop::operation op = [&rooms, shared, done, resume = done->resume, now = clock.now(),
                                 changed, is_one_act](write_txn& txn) {
      *done = {};
      if (shared->only_while && !shared->only_while(txn)) return;
      *done = run_slice(txn, rooms, *shared, now, resume);
      if (!is_one_act) return;
      if (!done->more)
        rooms.journal.append(txn, act_event(*shared, now, changed + done->changed));
      else if (resume.empty())
        rooms.journal.append(txn, act_event(*shared, now, std::nullopt));
    };
    const auto committed = co_await rooms.commits.commit(std::move(op));
    if (!committed) co_return committed.error();
    changed += done->changed;
    if (so_far) *so_far = changed;
  } while (done->more);
  if (changed != 0 && shared->what != queue_act::release) {
    const auto cleared = co_await clear_parked(rooms, shared);
    if (!cleared) co_return cleared.error();
  }
  co_return changed;
}

boost::asio::awaitable<void> hold_bulk(store_rooms& rooms, const wall_clock& clock,
                                       tenant_id tenant) {
  queue_order order{.what = queue_act::hold,
                    .reason = std::string{reputation::bulk_blocked_reason},
                    .actor = "gateway"};
  order.which.tenant = tenant;
  order.which.stream = smtp::stream::bulk;
  // Unblocked meanwhile: what is still queued goes on.
  order.only_while = [&rooms, tenant](const read_txn& txn) {
    return rooms.blocker.standing_of(txn, tenant).bulk_blocked;
  };
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
  order.only_while = [&rooms, tenant](const read_txn& txn) {
    return !rooms.blocker.standing_of(txn, tenant).bulk_blocked;
  };
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
