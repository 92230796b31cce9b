#include "queue/loader.h"

#include <algorithm>

namespace consentry::queue {
namespace {

constexpr std::size_t groups_max = 10'000;
constexpr std::size_t flows_per_group = 64;
constexpr std::size_t flows_per_page = 1000;
constexpr std::size_t rows_per_turn = 32;  // of a flow, at least
// A flow that is closed for longer gives its places in memory back.
constexpr std::chrono::seconds closed_for_long{5};
constexpr std::chrono::seconds closed_again{10};
constexpr std::chrono::minutes sweep_every{10};
constexpr std::size_t sweep_rows = 100;
// Looks at all flows or groups cost a step for each, so the more there are the seldomer.
constexpr std::size_t steps_per_ms = 10;
// Keys of LMDB end at 511 bytes.
constexpr std::size_t group_name_bytes_max = 300;

due_position behind(const due_row& row) {
  return {.at = row.at, .recipient = recipient_id{row.recipient.value + 1}};
}
due_position of_row(const due_row& row) {
  return {.at = row.at, .recipient = row.recipient};
}
// For what expires, and in case one was missed.
std::chrono::milliseconds group_sweep(std::size_t groups) {
  return std::chrono::milliseconds{std::max<std::size_t>(10'000, groups / steps_per_ms)};
}
std::string group_of(const std::string& path) {
  return path.substr(0, group_name_bytes_max);
}

// All of them, beginning behind one, and round.
std::vector<flow_id> in_turn(const std::set<flow_id>& flows, const std::optional<flow_id>& last) {
  std::vector<flow_id> out;
  out.reserve(flows.size());
  const auto middle = last ? flows.upper_bound(*last) : flows.begin();
  out.insert(out.end(), middle, flows.end());
  out.insert(out.end(), flows.begin(), middle);
  return out;
}

}  // namespace

loader::loader(working_set& memory, site_source site_of, loader_settings s)
    : memory_{memory}, site_of_{std::move(site_of)}, settings_{s} {}

void loader::begin(const due_index& index) {
  for (const auto in : {lane::prompt, lane::bulk})
    for (auto& name : index.parked_groups(in, groups_max))
      of(in).groups.try_emplace(std::move(name));
}

void loader::make_ready(lane_state& l, const flow_id& flow, due_position from) {
  auto [at, is_new] = l.flows.try_emplace(flow, cursor{.next = from});
  auto& c = at->second;
  c.next = std::min(c.next, from);
  if (c.waits_until) l.waiting.erase({*c.waits_until, flow});
  c.waits_until.reset();
  l.ready.insert(flow);
}

void loader::make_wait(lane_state& l, const flow_id& flow, cursor& at, instant until) {
  l.ready.erase(flow);
  if (at.waits_until) l.waiting.erase({*at.waits_until, flow});
  at.waits_until = until;
  l.waiting.emplace(until, flow);
}

void loader::drop(lane_state& l, const flow_id& flow) {
  const auto at = l.flows.find(flow);
  if (at == l.flows.end()) return;
  if (at->second.waits_until) l.waiting.erase({*at->second.waits_until, flow});
  l.ready.erase(flow);
  l.flows.erase(at);
}

void loader::seen(const flow_id& flow, lane in, instant due) {
  auto& l = of(in);
  // One that was not known is read from its beginning: what lies before is in memory, or stale.
  const bool is_known = l.flows.contains(flow);
  make_ready(l, flow, is_known ? due_position{.at = due} : due_position{});
}

void loader::seen(instant due) {
  earliest_news_ = has_news_ ? std::min(earliest_news_, due) : due;
  has_news_ = true;
}

void loader::site_known(std::string domain) {
  known_.push_back(std::move(domain));
}

std::optional<instant> loader::next_due() const {
  std::optional<instant> out;
  const auto note = [&out](instant t) { out = std::min(out.value_or(t), t); };
  if (has_news_) note(look_again_);
  for (const auto& l : lanes_) {
    if (!l.waiting.empty()) note(l.waiting.begin()->first);
    if (!l.closed.empty()) note(l.closed.begin()->first);
    if (!l.groups.empty()) note(l.swept_at + group_sweep(l.groups.size()));
  }
  return out;
}

void loader::look_for_flows(const due_index& index, instant now) {
  const auto known = of(lane::prompt).flows.size() + of(lane::bulk).flows.size();
  look_again_ = looked_at_ + std::chrono::milliseconds{known / steps_per_ms};
  if (now < look_again_ && now >= looked_at_) return;
  looked_at_ = now;
  has_news_ = false;
  for (const auto in : {lane::prompt, lane::bulk}) {
    auto& l = of(in);
    for (const auto& [flow, at] : l.flows) make_ready(l, flow, {.at = earliest_news_});
    std::optional<flow_id> last;
    for (;;) {
      const auto page = index.flows(in, last, flows_per_page);
      for (const auto& flow : page)
        if (!l.flows.contains(flow)) make_ready(l, flow, {});
      if (page.size() < flows_per_page) break;
      last = page.back();
    }
  }
}

loader::found loader::load(const due_index& index, instant now) {
  found out;
  for (const auto& domain : std::exchange(known_, {}))
    for (const auto& row : memory_.take_unplaced(domain))
      if (!place(index, row, now, out)) put_back(row);
  if (has_news_) look_for_flows(index, now);
  for (const auto in : {lane::prompt, lane::bulk}) {
    if (load_groups(index, in, now, out)) out.more = true;
    if (load_flows(index, in, now, out)) out.more = true;
    if (out.moves(in)) of(in).moving = true;
  }
  std::sort(out.unknown.begin(), out.unknown.end());
  out.unknown.erase(std::unique(out.unknown.begin(), out.unknown.end()), out.unknown.end());
  return out;
}

void loader::put_back(const std::vector<due_row>& rows) {
  for (const auto& row : rows) put_back(row);
}

void loader::put_back(const due_row& row) {
  auto& l = of(row.in);
  if (row.group.empty()) return make_ready(l, row.flow, of_row(row));
  auto& g = l.groups[row.group];
  auto [at, is_new] = g.flows.try_emplace(row.flow, of_row(row));
  at->second = std::min(at->second, of_row(row));
  g.exhausted = false;
  l.fresh.insert(row.group);
}

// --- the due index ---

bool loader::introduce(const due_index& index, const due_row& row) {
  if (memory_.knows(row.flow)) return true;
  auto names = index.names(row);
  if (names)
    memory_.introduce(row.flow, std::move(names->tenant), std::move(names->campaign));
  else
    memory_.introduce(row.flow, {}, {});
  return names.has_value();
}

// A closed flow is not read; but what expires meanwhile is told to its sender.
bool loader::is_closed(const due_index& index, lane in, const flow_id& flow, cursor& at,
                       instant now, found& out) {
  const auto opens = memory_.flow_opens(flow, now);
  if (opens <= now) return false;
  if (opens > now + closed_for_long && memory_.forget(in, flow) > 0) {
    at.next = {};
    for (auto& [name, g] : of(in).groups)
      if (g.flows.erase(flow) > 0) g.exhausted = false;
  }
  // It may be opened by hand, or by new rules.
  make_wait(of(in), flow, at, std::min(opens, now + closed_again));
  if (now < at.swept_at + sweep_every) return true;
  at.swept_at = now;
  for (const auto& row : index.due(in, flow, {}, now, sweep_rows)) {
    if (!index.has_expired(row, now)) break;
    place_at(index, row, memory_.add(row, std::string{nowhere}, now), now, out);
  }
  return true;
}

bool loader::load_flows(const due_index& index, lane in, instant now, found& out) {
  auto& l = of(in);
  if (l.moving) return false;
  const auto max = settings_.in_memory_max[static_cast<std::size_t>(in)];
  while (!l.waiting.empty() && l.waiting.begin()->first <= now)
    make_ready(l, flow_id{l.waiting.begin()->second}, {.at = instant::max()});
  auto budget = settings_.rows_per_pass;
  const auto turn = std::max(rows_per_turn, budget / std::max<std::size_t>(1, l.ready.size()));
  bool more = false;
  for (const auto& flow : in_turn(l.ready, l.last)) {
    if (budget == 0) {
      more = true;
      break;
    }
    auto& at = l.flows.at(flow);
    if (is_closed(index, in, flow, at, now, out)) continue;
    const auto room = std::min({turn, budget, memory_.flow_room(in, flow)});
    if (room == 0) continue;
    budget -= std::min(budget, load_flow(index, in, flow, at, room, now, out) + 1);
    l.last = flow;
    more = more || (l.ready.contains(flow) && memory_.flow_room(in, flow) > 0);
    if (memory_.loaded(in) >= max) return false;
  }
  // Parked rows must have gone to their groups before the index is read on.
  return more && !out.moves(in);
}

std::size_t loader::load_flow(const due_index& index, lane in, const flow_id& flow, cursor& at,
                              std::size_t limit, instant now, found& out) {
  const auto rows = index.due(in, flow, at.next, now, limit);
  for (const auto& row : rows) {
    if (!place(index, row, now, out)) return rows.size();
    at.next = behind(row);
  }
  if (rows.size() == limit) return rows.size();
  if (const auto next = index.next_due(in, flow, at.next))
    make_wait(of(in), flow, at, *next);
  else
    drop(of(in), flow);
  return rows.size();
}

bool loader::place(const due_index& index, const due_row& row, instant now, found& out) {
  introduce(index, row);
  const auto site = site_of_(row.domain);
  if (!site) {
    const auto a = memory_.add_unplaced(row);
    if (a == working_set::added::yes) out.unknown.push_back(row.domain);
    return a != working_set::added::no_room;
  }
  // What was parked keeps its path, unless its domain has moved.
  if (!row.group.empty() && site_of_path(row.group) == *site)
    return place_at(index, row, memory_.add_to(row, row.group, now), now, out);
  return place_at(index, row, memory_.add(row, *site, now), now, out);
}

bool loader::place_at(const due_index& index, const due_row& row, const working_set::placed& where,
                      instant now, found& out) {
  using added = working_set::added;
  switch (where.what) {
    case added::yes:
    case added::known:
      return true;
    case added::no_room:
      return false;
    case added::closed:
      // That needs no answer from anybody.
      if (index.has_expired(row, now))
        return place_at(index, row, memory_.add(row, std::string{nowhere}, now), now, out);
      break;
    case added::no_share:
      if (site_of_path(where.path) == nowhere) return false;
      break;
  }
  // One that is parked elsewhere stays there: it is looked at again when its group is empty.
  if (!row.group.empty()) return where.path != row.group;
  out.park[static_cast<std::size_t>(row.in)][group_of(where.path)].push_back(row);
  return true;
}

void loader::parked(lane in, const std::map<std::string, std::vector<due_row>>& rows, bool done) {
  auto& l = of(in);
  l.moving = false;
  for (const auto& [name, of_group] : rows)
    for (const auto& row : of_group) {
      if (!done) {
        put_back(row);
        continue;
      }
      auto& g = l.groups[name];
      g.exhausted = false;
      l.fresh.insert(name);
      const auto at = g.flows.find(row.flow);
      if (at != g.flows.end()) at->second = std::min(at->second, of_row(row));
    }
}

// --- what was parked ---

// Rows lie in order of their next attempt, which is nearly that of their expiry.
void loader::sweep(const due_index& index, lane in, const std::string& name, group& g, instant now,
                   found& out) {
  g.swept_at = now;
  for (const auto& flow : index.parked_flows(in, name, {}, flows_per_group))
    for (const auto& row : index.parked(in, name, flow, {}, sweep_rows)) {
      if (!index.has_expired(row, now)) continue;
      introduce(index, row);
      place_at(index, row, memory_.add(row, std::string{nowhere}, now), now, out);
      g.swept_at = of(in).swept_at = {};  // there may be more
    }
}

bool loader::may_load(lane in, const std::string& name, const group& g) const {
  const auto room = memory_.share_left(in, name);
  return room > 0 &&
         (memory_.loaded(in, name) == 0 || (!g.exhausted && room >= settings_.share_max / 4));
}

// Those whose paths drained or opened and the new ones; all of them now and then.
std::set<std::string> loader::groups_to_load(const due_index& index, lane in, instant now,
                                             found& out) {
  auto& l = of(in);
  auto names = std::exchange(l.fresh, {});
  names.merge(memory_.take_drained(in));
  while (!l.closed.empty() && l.closed.begin()->first <= now)
    names.insert(std::move(l.closed.extract(l.closed.begin()).value().second));
  if (now < l.swept_at + group_sweep(l.groups.size()) && now >= l.swept_at) return names;
  l.swept_at = now;
  for (auto& [name, g] : l.groups) {
    if (memory_.closed_until(name, now) && now >= g.swept_at + sweep_every)
      sweep(index, in, name, g, now, out);
    names.insert(name);
  }
  return names;
}

// It comes back as its path drains, before anything in the due index.
bool loader::load_groups(const due_index& index, lane in, instant now, found& out) {
  auto& l = of(in);
  const auto names = groups_to_load(index, in, now, out);
  auto rows_left = settings_.rows_per_pass;
  for (auto name = names.begin(); name != names.end(); ++name) {
    const auto found_at = l.groups.find(*name);
    if (found_at == l.groups.end()) continue;
    auto& g = found_at->second;
    if (const auto until = memory_.closed_until(*name, now)) {
      l.closed.emplace(*until, *name);
      continue;
    }
    if (!may_load(in, *name, g)) continue;
    if (rows_left == 0) {
      l.fresh.insert(name, names.end());
      return true;
    }
    const bool was_empty = memory_.loaded(in, *name) == 0;
    if (was_empty) g = {.last = g.last, .swept_at = g.swept_at};
    const auto room = std::min(rows_left, memory_.share_left(in, *name));
    const auto read = load_group(index, in, *name, g, room, now, out);
    rows_left -= std::min(rows_left, read + 1);
    if (read == 0 && was_empty) l.groups.erase(found_at);
  }
  return false;
}

// Rows that were read; closed flows count as one, so that their group is not taken for empty.
std::size_t loader::load_group(const due_index& index, lane in, const std::string& name, group& g,
                               std::size_t room, instant now, found& out) {
  auto flows = index.parked_flows(in, name, g.last, flows_per_group);
  if (g.last && flows.size() < flows_per_group)
    for (const auto& flow : index.parked_flows(in, name, {}, flows_per_group - flows.size()))
      if (std::find(flows.begin(), flows.end(), flow) == flows.end()) flows.push_back(flow);
  g.exhausted = flows.size() < flows_per_group;
  const auto turn = std::max<std::size_t>(1, room / std::max<std::size_t>(1, flows.size()));
  std::size_t read = 0;
  for (const auto& flow : flows) {
    if (memory_.flow_opens(flow, now) > now) {
      ++read;
      continue;
    }
    auto& next = g.flows[flow];
    const auto rows = index.parked(in, name, flow, next, turn);
    read += rows.size();
    for (const auto& row : rows) {
      if (!place(index, row, now, out)) {
        g.exhausted = false;
        return read;
      }
      next = behind(row);
    }
    if (rows.size() == turn) g.exhausted = false;
    g.last = flow;
  }
  return read;
}

}  // namespace consentry::queue
