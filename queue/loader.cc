// From the due index to the working set, a bounded number of rows at a time.
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "queue/scheduler_state.h"

namespace consentry::queue {
namespace {

namespace asio = boost::asio;
// Where those go that are not sent any more: attempt() sees that they have expired. No domain is
// named so.
constexpr std::string_view nowhere = "(expired)";
constexpr std::size_t groups_max = 10'000;
// Keys of LMDB end at 511 bytes.
constexpr std::size_t group_name_bytes_max = 300;

due_position behind(const due_row& row) {
  return {.at = row.at, .recipient = recipient_id{row.recipient.value + 1}};
}

std::string group_of(const std::string& destination) {
  return destination.substr(0, group_name_bytes_max);
}

}  // namespace

std::size_t scheduler::state::find_groups(const read_txn& txn) {
  std::size_t n = 0;
  for (const auto in : {lane::prompt, lane::bulk})
    for (auto& name : p.store.parked_groups(txn, in, groups_max)) {
      groups[static_cast<std::size_t>(in)].try_emplace(std::move(name));
      ++n;
    }
  return n;
}

bool scheduler::state::load() {
  const auto now = p.clock.now();
  bool more = false;
  const auto r = p.env.read([&](const read_txn& txn) {
    for (const auto in : {lane::prompt, lane::bulk}) {
      if (load_groups(in, txn, now)) more = true;
      if (load_lane(in, txn, now)) more = true;
    }
  });
  if (!r) storage_failed(r.error());
  return more;
}

// What was parked comes back as its destination drains, older than anything in the due index.
bool scheduler::state::load_groups(lane in, const read_txn& txn, instant now) {
  auto& parked = groups[static_cast<std::size_t>(in)];
  std::size_t rows_left = settings.rows_per_pass;
  bool added_any = false;
  for (auto it = parked.begin(); it != parked.end() && rows_left > 0;) {
    auto& [name, g] = *it;
    const auto loaded = memory.loaded(in, name);
    const auto room = std::min(rows_left, memory.share_left(in, name));
    const bool low = loaded == 0 || (!g.exhausted && room >= settings.share_max / 4);
    if (!low || room == 0 || memory.down_until(name, now)) {
      ++it;
      continue;
    }
    if (loaded == 0) g = {};
    const auto rows = p.store.parked(txn, in, name, g.next, room);
    rows_left -= std::min(rows_left, rows.size() + 1);
    for (const auto& row : rows) {
      // Routes may have changed since: the recipient goes where it goes now.
      const auto where = p.carrier.destination_of(row.domain);
      const auto a = memory.add(row, where, now);
      if (a == working_set::added::no_room || a == working_set::added::no_share) break;
      added_any |= a == working_set::added::yes;
      g.next = behind(row);
    }
    g.exhausted = rows.size() < room;
    it = rows.empty() && loaded == 0 ? parked.erase(it) : std::next(it);
  }
  return added_any && rows_left == 0;
}

bool scheduler::state::has_expired(const read_txn& txn, const due_row& row, instant now) const {
  const auto m = p.store.message_of(txn, row.recipient);
  return m && m->expires_at <= now;
}

bool scheduler::state::load_lane(lane in, const read_txn& txn, instant now) {
  auto& here = at_of(in);
  if (here.moving) return false;
  if (here.at_end) {
    const auto next = p.store.next_due(txn, in, here.seen_to);
    if (!next || *next > now) return false;
  }
  const auto max = in == lane::prompt ? settings.prompt_in_memory_max : settings.bulk_in_memory_max;
  // Not for every single place that becomes free.
  if (memory.loaded(in) > max - max / 8) return false;
  const auto rows = p.store.due(txn, in, here.next, now, settings.rows_per_pass);
  std::vector<due_row> park, down;
  bool full = false;
  for (const auto& row : rows) {
    auto a = memory.add(row, p.carrier.destination_of(row.domain), now);
    if (a == working_set::added::down && has_expired(txn, row, now)) {
      // That needs no answer from the destination.
      a = memory.add(row, std::string{nowhere}, now);
      if (a == working_set::added::no_share) a = working_set::added::no_room;
    }
    if (a == working_set::added::no_room) {
      full = true;
      break;
    }
    if (a == working_set::added::no_share) park.push_back(row);
    if (a == working_set::added::down) down.push_back(row);
    here.next = behind(row);
  }
  here.at_end = !full && rows.size() < settings.rows_per_pass;
  if (here.at_end) here.seen_to = now;
  const bool moves = !park.empty() || !down.empty();
  start_moves(in, std::move(park), std::move(down), now);
  return !full && !here.at_end && !moves;
}

void scheduler::state::start_moves(lane in, std::vector<due_row> park, std::vector<due_row> down,
                                   instant now) {
  std::map<std::string, std::vector<due_row>> by_group;
  for (auto& row : park)
    by_group[group_of(p.carrier.destination_of(row.domain))].push_back(std::move(row));
  if (!by_group.empty()) {
    at_of(in).moving = true;
    tasks.spawn(move_rows(shared_from_this(), in, std::move(by_group)));
  }
  std::map<instant, std::vector<due_row>> by_time;
  for (auto& row : down)
    if (const auto until = memory.down_until(p.carrier.destination_of(row.domain), now))
      by_time[*until].push_back(std::move(row));
  for (auto& [until, rows] : by_time)
    tasks.spawn(postpone_rows(shared_from_this(), std::move(rows), until));
}

asio::awaitable<void> scheduler::state::move_rows(
    std::shared_ptr<state> s, lane in, std::map<std::string, std::vector<due_row>> park) {
  auto rows = std::make_shared<const decltype(park)>(std::move(park));
  auto op = [s, rows](write_txn& txn) {
    for (const auto& [name, of_group] : *rows) s->p.store.park(txn, of_group, name);
  };
  const bool done = co_await s->commit(std::move(op));
  s->at_of(in).moving = false;
  for (const auto& [name, of_group] : *rows) {
    if (done) {
      auto& g = s->groups[static_cast<std::size_t>(in)][name];
      g.exhausted = false;
      const due_position first{.at = of_group.front().at, .recipient = of_group.front().recipient};
      g.next = std::min(g.next, first);
      s->counters.parked += of_group.size();
    } else {
      s->seen(of_group.front().at);
    }
  }
  s->wake();
}

asio::awaitable<void> scheduler::state::postpone_rows(std::shared_ptr<state> s,
                                                      std::vector<due_row> rows, instant until) {
  auto shared = std::make_shared<const std::vector<due_row>>(std::move(rows));
  auto due = std::make_shared<instant>();
  auto op = [s, shared, until, due](write_txn& txn) {
    *due = s->p.store.postpone(txn, *shared, until);
  };
  if (!co_await s->commit(std::move(op))) co_return;
  s->seen(*due);
}

}  // namespace consentry::queue
