#include "app/tenant_removal.h"

#include <set>

#include "app/import_files.h"
#include "app/queue_control.h"
#include "app/tenant_change.h"
#include "base/log.h"

namespace consentry::app {
namespace {

using policy::tenants::tenant;
namespace asio = boost::asio;

constexpr std::size_t rows_per_slice = 1000;
constexpr std::size_t imports_max = 100'000;
constexpr std::size_t rows_per_look = 20'000;
// Longer than any attempt may last (RFC 5321 section 4.5.3.2 adds up to less).
constexpr std::chrono::hours attempts_end_within{2};

struct numbers_found {
  std::vector<message_id> messages;
  std::vector<recipient_id> recipients;
  std::vector<recipient_id> decisions;  // whose evidence, or text, was kept
  bool is_open = false;                 // a message of the tenant is not done yet
  std::string resume;                   // empty: the end
};

asio::awaitable<result<void>> commit_counted(store_rooms& rooms, removal_order& order,
                                             std::function<std::size_t(write_txn&)> f) {
  auto removed = std::make_shared<std::size_t>(0);
  commit_loop::operation op = [f = std::move(f), removed](write_txn& txn) { *removed = f(txn); };
  const auto done = co_await rooms.commits.commit(std::move(op));
  if (done) order.rows += *removed;
  co_return done;
}

// Rows whose key begins with the tenant.
asio::awaitable<result<void>> sweep(tenant_services& s, removal_order& order) {
  for (;;) {
    const auto before = order.rows;
    std::function<std::size_t(write_txn&)> slice = [&rooms = s.rooms,
                                                    id = order.tenant](write_txn& txn) {
      return rooms.by_tenant.sweep(txn, id, rows_per_slice);
    };
    const auto done = co_await commit_counted(s.rooms, order, std::move(slice));
    if (!done || order.rows == before) co_return done;
  }
}

// What has rooms of its own: logins, sign-ups, imports and their files.
asio::awaitable<result<void>> remove_from_rooms(tenant_services& s, removal_order& order) {
  if (s.stop_imports) {
    auto stop = [&s, &order] {
      s.stop_imports(order.tenant);
      return true;
    };
    co_await s.workers.run(std::move(stop));
  }
  const import_files files{s.rooms.env.folder() / "imports"};
  const auto jobs = s.rooms.env.read(
      [&](read_txn& txn) { return s.rooms.imports.of_tenant(txn, order.tenant, imports_max); });
  if (!jobs) co_return jobs.error();
  for (const auto& j : *jobs) files.remove(j.id);
  for (bool more = true; more;) {
    const auto left = std::make_shared<bool>(false);
    std::function<std::size_t(write_txn&)> slice = [&s, order, left](write_txn& txn) {
      const policy::tenants::user_act by{
          .actor = order.actor, .reason = order.reason, .at = order.begun_at};
      const auto logins = s.rooms.users.remove_all(txn, order.tenant, by);
      const auto sign_ups = s.rooms.sign_ups.erase_tenant(txn, order.tenant, rows_per_slice);
      *left = s.rooms.imports.remove_tenant(txn, order.tenant, rows_per_slice) || sign_ups != 0;
      return logins + sign_ups;
    };
    const auto done = co_await commit_counted(s.rooms, order, std::move(slice));
    if (!done) co_return done;
    more = *left;
  }
  co_return result<void>{};
}

// Messages of the queue with their recipients and verdicts, and what is remembered of deliveries.
std::size_t remove_numbers(write_txn& txn, const store_rooms& rooms, const numbers_found& found) {
  std::size_t rows = 0;
  for (const auto m : found.messages)
    for (const auto r : rooms.queue.remove(txn, m)) {
      rows += 1 + rooms.verdicts.erase(txn, r) + rooms.tally.forget(txn, r);
    }
  for (const auto r : found.recipients)
    rows += rooms.verdicts.erase(txn, r) + rooms.tally.forget(txn, r);
  for (const auto r : found.decisions) rows += rooms.decisions.erase(txn, r);
  return rows;
}

using look = std::function<numbers_found(const read_txn&, const std::string& resume)>;

// true: all of it is gone; false: some messages are still open.
asio::awaitable<result<bool>> remove_found(tenant_services& s, removal_order& order, look look_in) {
  bool is_open = false;
  std::string resume;
  do {
    auto reading = [&s, &look_in, &resume] {
      return s.rooms.env.read([&](read_txn& txn) { return look_in(txn, resume); });
    };
    auto found = co_await s.workers.run(std::move(reading));
    if (!found) co_return found.error();
    resume = found->resume;
    is_open = is_open || found->is_open;
    const auto numbers = std::make_shared<const numbers_found>(std::move(*found));
    if (numbers->messages.empty() && numbers->recipients.empty() && numbers->decisions.empty())
      continue;
    std::function<std::size_t(write_txn&)> slice = [&rooms = s.rooms, numbers](write_txn& txn) {
      return remove_numbers(txn, rooms, *numbers);
    };
    const auto done = co_await commit_counted(s.rooms, order, std::move(slice));
    if (!done) co_return done.error();
  } while (!resume.empty());
  co_return !is_open;
}

look look_in_queue(const store_rooms& rooms, tenant_id tenant) {
  return [&rooms, tenant](const read_txn& txn, const std::string& resume) {
    numbers_found out;
    auto page = rooms.queue.messages_of(txn, tenant, resume, rows_per_look, rows_per_slice);
    out.messages = std::move(page.finished);
    out.is_open = page.any_open;
    out.resume = std::move(page.resume);
    return out;
  };
}

look look_in_sent(const store_rooms& rooms, tenant_id tenant) {
  return [&rooms, tenant](const read_txn& txn, const std::string& resume) {
    numbers_found out;
    out.recipients =
        rooms.tally.sent_of(txn, tenant, resume, rows_per_look, rows_per_slice, out.resume);
    return out;
  };
}

// Refusals at RCPT have a verdict and nothing else; only the journal knows whose they were.
look look_in_journal(const store_rooms& rooms, tenant_id tenant) {
  return [&rooms, tenant](const read_txn& txn, const std::string& resume) {
    numbers_found out;
    journal_seq from{1};
    if (!resume.empty()) from.value = std::stoull(resume);
    const journal::event_filter filter{.tenant = tenant, .kinds = {journal::event_kind::refused}};
    const auto page = rooms.journal.scan(txn, from, rows_per_slice, filter);
    for (const auto& e : page.entries)
      if (e.what.recipient && rooms.verdicts.find(txn, e.what.recipient))
        out.recipients.push_back(e.what.recipient);
    if (page.next) out.resume = std::to_string(page.next.value);
    return out;
  };
}

// The evidence of decisions, and the texts kept with it.
look look_in_decisions(const store_rooms& rooms, tenant_id tenant, bool in_texts) {
  return [&rooms, tenant, in_texts](const read_txn& txn, const std::string& resume) {
    numbers_found out;
    recipient_id from{resume.empty() ? 0 : std::stoull(resume)};
    out.decisions = in_texts ? rooms.decisions.texts_of(txn, tenant, from, rows_per_slice)
                             : rooms.decisions.of_tenant(txn, tenant, from, rows_per_slice);
    if (from) out.resume = std::to_string(from.value);
    return out;
  };
}

asio::awaitable<result<void>> remove_decisions(tenant_services& s, removal_order& order) {
  for (const bool in_texts : {true, false}) {
    auto where = look_in_decisions(s.rooms, order.tenant, in_texts);
    const auto gone = co_await remove_found(s, order, std::move(where));
    if (!gone) co_return gone.error();
  }
  co_return result<void>{};
}

void remove_files(tenant_services& s, const removal_order& order) {
  std::error_code error;
  for (const auto& d : order.domains) std::filesystem::remove_all(s.dkim_folder.of(d), error);
  std::filesystem::remove_all(s.exports_folder / std::to_string(order.tenant.value), error);
  if (!order.domains.empty()) s.reload_dkim_keys();
}

asio::awaitable<result<void>> finish(tenant_services& s, const removal_order& order) {
  journal::event e;
  e.kind = journal::event_kind::tenant_removed;
  e.at = s.clock.now();
  e.tenant = order.tenant;
  e.rule = "A2.10";
  e.reason = order.reason;
  e.actor = order.actor;
  e.facts = {{"name", order.name},
             {"rows", std::to_string(order.rows)},
             {"begun_at", to_string_utc(order.begun_at)}};
  commit_loop::operation op = [&rooms = s.rooms, e](write_txn& txn) {
    // Two rounds may meet; one tells.
    if (rooms.removals.erase(txn, e.tenant)) rooms.journal.append(txn, e);
  };
  const auto done = co_await s.rooms.commits.commit(std::move(op));
  if (!done) co_return done;
  s.request_compaction();
  log::warn("app/tenant_removal", "removed",
            {{"tenant", order.name}, {"rows", order.rows}, {"reason", order.reason}});
  co_return done;
}

}  // namespace

bool is_past_keeping(const tenant& t, instant now) {
  if (t.state != policy::tenants::tenant_state::terminated) return false;
  const auto last = std::chrono::sys_days{budapest_day(t.state_since)} + kept_after_end;
  return std::chrono::sys_days{budapest_day(now)} > last;
}

asio::awaitable<result<removal_order>> begin_removal(tenant_services& s, tenant_id id,
                                                     std::string reason, std::string actor) {
  std::function<result<removal_order>(write_txn&)> f =
      [&rooms = s.rooms, id, reason, actor,
       at = s.clock.now()](write_txn& txn) -> result<removal_order> {
    const auto t = rooms.tenants.find_tenant(txn, id);
    auto domains = rooms.tenants.remove_tenant(txn, id);
    if (!domains) return domains.error();
    const auto open = rooms.queue.counts(txn, id);
    removal_order o{.tenant = id,
                    .name = t->name,
                    .reason = reason,
                    .actor = actor,
                    .begun_at = at,
                    .queue_rows_after = at,
                    .domains = std::move(*domains)};
    if (open.queued != 0) o.queue_rows_after += attempts_end_within;
    rooms.removals.put(txn, o);
    return o;
  };
  co_return co_await change_tenants<removal_order>(s.rooms, std::move(f));
}

asio::awaitable<result<bool>> continue_removal(tenant_services& s, removal_order order) {
  queue_order purge{.what = queue_act::purge, .reason = "tenant.removed", .actor = order.actor};
  purge.which.tenant = order.tenant;
  const auto purged = co_await carry_out(s.rooms, s.clock, std::move(purge));
  if (!purged) co_return purged.error();
  if (auto done = co_await remove_from_rooms(s, order); !done) co_return done.error();
  if (auto done = co_await sweep(s, order); !done) co_return done.error();
  if (auto done = co_await remove_decisions(s, order); !done) co_return done.error();
  remove_files(s, order);
  if (s.clock.now() < order.queue_rows_after) {
    commit_loop::operation op = [&rooms = s.rooms, order](write_txn& txn) {
      rooms.removals.put(txn, order);
    };
    const auto noted = co_await s.rooms.commits.commit(std::move(op));
    if (!noted) co_return noted.error();
    s.request_compaction();
    co_return false;
  }
  bool is_done = true;
  for (const auto kind : {0, 1, 2}) {
    auto where = kind == 0   ? look_in_queue(s.rooms, order.tenant)
                 : kind == 1 ? look_in_sent(s.rooms, order.tenant)
                             : look_in_journal(s.rooms, order.tenant);
    const auto gone = co_await remove_found(s, order, std::move(where));
    if (!gone) co_return gone.error();
    is_done = is_done && *gone;
  }
  // What an attempt on its way wrote meanwhile.
  if (auto done = co_await sweep(s, order); !done) co_return done.error();
  if (auto done = co_await remove_decisions(s, order); !done) co_return done.error();
  if (!is_done) co_return false;
  if (auto done = co_await finish(s, order); !done) co_return done.error();
  co_return true;
}

asio::awaitable<result<void>> remove_ended_tenants(tenant_services& s) {
  const auto now = s.clock.now();
  const auto directory = s.rooms.directory.get();
  for (const auto& t : directory->tenants()) {
    if (!is_past_keeping(t, now)) continue;
    std::string reason = "90 days after the end of the contract", actor = "gateway";
    const auto begun = co_await begin_removal(s, t.id, std::move(reason), std::move(actor));
    if (!begun) co_return begun.error();
  }
  auto orders = s.rooms.env.read([&](read_txn& txn) { return s.rooms.removals.all(txn); });
  if (!orders) co_return orders.error();
  for (auto& order : *orders) {
    // What was begun above is later than `now`.
    if (order.begun_at > s.clock.now())
      continue;  // an import that is still at work (app/tenant_import.h)
    const auto gone = co_await continue_removal(s, std::move(order));
    if (!gone) co_return gone.error();
  }
  co_return result<void>{};
}

}  // namespace consentry::app
