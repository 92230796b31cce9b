#include "app/import_follow.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"

namespace consentry::app {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds between_looks{10};
constexpr std::chrono::milliseconds while_more{20};

using watched_imports = std::map<std::pair<tenant_id, instant>, import_job>;

bool is_watched(const import_job& j, instant now) {
  return j.now && j.position.rows != 0 && j.shares.rows > policy::consent::signs_rows_min &&
         *j.now + watched_after_import > now;
}

std::uint64_t* counter_of(policy::consent::import_shares& s, journal::event_kind kind) {
  switch (kind) {
    case journal::event_kind::delivered:
      return &s.delivered;
    case journal::event_kind::bounced:
      return &s.bounced;
    case journal::event_kind::complained:
      return &s.complained;
    default:
      return nullptr;
  }
}

struct look {
  std::map<import_id, policy::consent::import_shares> news;  // to be added
  journal_seq next;
  bool is_more = false;
};

// The import that brought the person's consent, if it is watched.
const import_job* import_of(const store_rooms& rooms, const read_txn& txn,
                            const watched_imports& watched, const journal::event& e) {
  const auto first = watched.lower_bound({e.tenant, instant::min()});
  if (first == watched.end() || first->first.first != e.tenant) return nullptr;
  for (const auto& c : rooms.consents.list(txn, e.tenant, e.person))
    // A consent written alone in the same millisecond is not the import's.
    if (c.record.import_entry)
      if (const auto found = watched.find({e.tenant, c.record.recorded_at}); found != watched.end())
        return &found->second;
  return nullptr;
}

look look_on(const store_rooms& rooms, const read_txn& txn, instant now, std::size_t entries) {
  look out;
  watched_imports watched;
  for (auto& j :
       rooms.imports.all(txn, [&](const import_job& job) { return is_watched(job, now); })) {
    const std::pair key{j.tenant, *j.now};
    watched.emplace(key, std::move(j));
  }
  const auto newest = rooms.journal.last(txn);
  const journal_seq from{rooms.imports.followed(txn) + 1};
  if (watched.empty() || from > newest) {
    out.next.value = newest.value + 1;
    return out;
  }
  const auto page = rooms.journal.scan(txn, from, entries);
  for (const auto& entry : page.entries) {
    policy::consent::import_shares one;
    if (counter_of(one, entry.what.kind) == nullptr || entry.what.person.empty()) continue;
    const auto* j = import_of(rooms, txn, watched, entry.what);
    if (j == nullptr || entry.what.at > *j->now + watched_after_import) continue;
    ++*counter_of(out.news[j->id], entry.what.kind);
  }
  out.is_more = bool{page.next};
  out.next = page.next ? page.next : journal_seq{newest.value + 1};
  return out;
}

}  // namespace

result<bool> follow_imports_once(store_rooms& rooms, instant now, std::size_t entries) {
  const auto seen =
      rooms.env.read([&](read_txn& txn) { return look_on(rooms, txn, now, entries); });
  if (!seen) return seen.error();
  if (seen->news.empty() && !seen->is_more) {
    // Where nothing was found nothing is written but now and then, so that a quiet gateway is
    // quiet.
    const auto at = rooms.env.read([&](read_txn& txn) { return rooms.imports.followed(txn); });
    if (!at) return at.error();
    if (seen->next.value < *at + 1 + entries) return false;
  }
  const auto done = rooms.commits.run([&](write_txn& txn) {
    for (const auto& [id, more] : seen->news) {
      auto j = rooms.imports.find(txn, id);
      if (!j) continue;
      j->shares.delivered += more.delivered;
      j->shares.bounced += more.bounced;
      j->shares.complained += more.complained;
      rooms.imports.put(txn, *j);
    }
    rooms.imports.set_followed(txn, seen->next.value - 1);
  });
  if (!done) return done.error();
  if (!seen->news.empty())
    if (auto fresh = rooms.env.read([&](read_txn& txn) { rooms.imports.refresh_suspects(txn); });
        !fresh)
      return fresh.error();
  return seen->is_more;
}

asio::awaitable<void> follow_imports(store_rooms& rooms, const wall_clock& clock,
                                     worker_pool& workers) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  for (;;) {
    auto once = [&rooms, &clock] { return follow_imports_once(rooms, clock.now()); };
    const auto more = co_await workers.run(std::move(once));
    if (!more) log::warn("app/import_follow", "follow_failed", {{"cause", describe(more.error())}});
    const bool at_once = more && *more;
    timer.expires_after(at_once ? std::chrono::steady_clock::duration{while_more}
                                : std::chrono::steady_clock::duration{between_looks});
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace consentry::app
