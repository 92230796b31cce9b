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
constexpr std::chrono::minutes sweep_every{10};
constexpr std::size_t sweep_rows = 100;
// Keys of LMDB end at 511 bytes.
constexpr std::size_t group_name_bytes_max = 300;

due_position behind(const due_row& row) {
  return {.at = row.at, .recipient = recipient_id{row.recipient.value + 1}};
}
due_position of_row(const due_row& row) {
  return {.at = row.at, .recipient = row.recipient};
}
std::string group_of(const std::string& path) {
  return path.substr(0, group_name_bytes_max);
}

// All keys, beginning behind one of them, and round.
template <class Map>
std::vector<flow_id> in_turn(const Map& flows, const std::optional<flow_id>& last) {
  std::vector<flow_id> out;
  out.reserve(flows.size());
  const auto middle = last ? flows.upper_bound(*last) : flows.begin();
  for (auto it = middle; it != flows.end(); ++it) out.push_back(it->first);
  for (auto it = flows.begin(); it != middle; ++it) out.push_back(it->first);
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
  for (const auto& l : lanes_)
    for (const auto& [flow, at] : l.flows) {
      if (at.opens)
        note(*at.opens);
      else if (at.at_end && at.next_due)
        note(*at.next_due);
    }
  return out;
}

// It costs a step a flow, so the more there are the seldomer.
void loader::look_for_flows(const due_index& index, instant now) {
  constexpr std::size_t flows_per_ms = 50;
  const std::chrono::milliseconds pause{
      (of(lane::prompt).flows.size() + of(lane::bulk).flows.size()) / flows_per_ms};
  look_again_ = looked_at_ + pause;
  if (now < look_again_ && now >= looked_at_) return;
  looked_at_ = now;
  has_news_ = false;
  for (const auto in : {lane::prompt, lane::bulk}) {
    auto& known = of(in).flows;
    for (auto& [flow, at] : known) {
      at.next = std::min(at.next, due_position{.at = earliest_news_});
      at.at_end = false;
    }
    std::optional<flow_id> last;
    for (;;) {
      const auto page = index.flows(in, last, flows_per_page);
      for (const auto& flow : page) known.try_emplace(flow);
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

// It was in memory and found no place: to be read again.
void loader::put_back(const due_row& row) {
  auto& l = of(row.in);
  if (row.group.empty()) {
    auto& at = l.flows[row.flow];
    at.next = std::min(at.next, of_row(row));
    at.at_end = false;
    return;
  }
  auto& g = l.groups[row.group];
  auto [at, is_new] = g.flows.try_emplace(row.flow, of_row(row));
  at->second = std::min(at->second, of_row(row));
  g.exhausted = false;
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
  at.opens.reset();
  if (opens <= now) return false;
  at.opens = std::min(opens, now + std::chrono::minutes{1});
  if (opens > now + closed_for_long && memory_.forget(in, flow) > 0) {
    at.next = {};
    at.at_end = false;
    for (auto& [name, g] : of(in).groups) {
      g.flows.erase(flow);
      g.exhausted = false;
    }
  }
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
  // Not for every single place that becomes free.
  if (memory_.loaded(in) > max - max / 8) return false;
  auto budget = settings_.rows_per_pass;
  const auto turn = std::max(rows_per_turn, budget / std::max<std::size_t>(1, l.flows.size()));
  bool more = false;
  for (const auto& flow : in_turn(l.flows, l.last)) {
    auto& at = l.flows.at(flow);
    if (is_closed(index, in, flow, at, now, out)) continue;
    if (at.at_end && (!at.next_due || *at.next_due > now)) {
      if (!at.next_due) l.flows.erase(flow);
      continue;
    }
    if (budget == 0) {
      more = true;
      break;
    }
    const auto room = std::min({turn, budget, memory_.flow_room(in, flow)});
    if (room == 0) continue;
    budget -= std::min(budget, load_flow(index, in, flow, at, room, now, out) + 1);
    l.last = flow;
    if (!at.at_end && memory_.flow_room(in, flow) > 0) more = true;
    if (memory_.loaded(in) >= max) return false;
  }
  // Parked rows must have gone to their groups before the index is read on.
  return more && !out.moves(in);
}

std::size_t loader::load_flow(const due_index& index, lane in, const flow_id& flow, cursor& at,
                              std::size_t limit, instant now, found& out) {
  const auto rows = index.due(in, flow, at.next, now, limit);
  bool full = false;
  for (const auto& row : rows) {
    full = !place(index, row, now, out);
    if (full) break;
    at.next = behind(row);
  }
  at.at_end = !full && rows.size() < limit;
  if (at.at_end) at.next_due = index.next_due(in, flow, at.next);
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
    case added::no_share:
      if (where.path == row.group || site_of_path(where.path) == nowhere) return false;
      // One that is parked elsewhere stays there: it is looked at again when its group is empty.
      if (row.group.empty())
        out.park[static_cast<std::size_t>(row.in)][group_of(where.path)].push_back(row);
      return true;
    case added::closed:
      break;
  }
  // That needs no answer from anybody.
  if (index.has_expired(row, now))
    return place_at(index, row, memory_.add(row, std::string{nowhere}, now), now, out);
  out.postpone[where.until].push_back(row);
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
      const auto at = g.flows.find(row.flow);
      if (at != g.flows.end()) at->second = std::min(at->second, of_row(row));
    }
}

// --- what was parked ---

// It comes back as its path drains, before anything in the due index.
bool loader::load_groups(const due_index& index, lane in, instant now, found& out) {
  auto& groups = of(in).groups;
  auto rows_left = settings_.rows_per_pass;
  for (auto it = groups.begin(); it != groups.end() && rows_left > 0;) {
    auto& [name, g] = *it;
    const auto loaded = memory_.loaded(in, name);
    const auto room = std::min(rows_left, memory_.share_left(in, name));
    const bool is_low = loaded == 0 || (!g.exhausted && room >= settings_.share_max / 4);
    if (!is_low || room == 0 || memory_.closed_until(name, now)) {
      ++it;
      continue;
    }
    if (loaded == 0) g = {.last = g.last};
    const auto read = load_group(index, in, name, g, room, now, out);
    rows_left -= std::min(rows_left, read + 1);
    it = read == 0 && loaded == 0 ? groups.erase(it) : std::next(it);
  }
  return rows_left == 0;
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
