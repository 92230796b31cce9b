#include "queue/working_set.h"

#include <algorithm>

#include "base/check.h"

namespace consentry::queue {

std::string path_name(std::string_view site, std::string_view source) {
  std::string out{site};
  out += '\t';
  out += source;
  return out;
}
std::string_view site_of_path(std::string_view path) noexcept {
  return path.substr(0, path.find('\t'));
}
std::string_view source_of_path(std::string_view path) noexcept {
  const auto tab = path.find('\t');
  return tab == std::string_view::npos ? std::string_view{} : path.substr(tab + 1);
}

working_set::working_set(limits l, std::shared_ptr<const pacing_rules> rules)
    : limits_{std::move(l)}, rules_{std::move(rules)} {}

// --- the rules ---

void working_set::set_rules(std::shared_ptr<const pacing_rules> rules) {
  if (rules == rules_) return;
  rules_ = std::move(rules);
  for (auto& [name, p] : paths_) {
    p.limits = &rules_->limits_of(site_of_path(name));
    p.from = rules_->find_source(source_of_path(name));
  }
  for (auto& [id, f] : flows_) {
    f.limits = rules_->limits_of(f.tenant, id.stream, f.campaign);
    f.pace.forget_window();
  }
  // What slept for a rate that may be gone now is asked again.
  for (auto& [name, p] : paths_) p.sleeps_until = {};
  sleeping_.clear();
  for (auto& [name, p] : paths_) queue_up(p, {});
}

void working_set::introduce(const flow_id& id, std::string tenant, std::string campaign) {
  auto& f = flows_[id];
  f.limits = rules_->limits_of(tenant, id.stream, campaign);
  f.tenant = std::move(tenant);
  f.campaign = std::move(campaign);
}

// One whose first rows were stale has no name yet.
bool working_set::knows(const flow_id& id) const {
  const auto found = flows_.find(id);
  return found != flows_.end() && !found->second.tenant.empty();
}

// --- shares ---

working_set::path& working_set::path_called(const std::string& name) {
  auto [at, is_new] = paths_.try_emplace(name);
  auto& p = at->second;
  if (is_new) {
    p.name = name;
    p.is_nowhere = site_of_path(name) == nowhere;
    p.limits = &rules_->limits_of(site_of_path(name));
    p.from = rules_->find_source(source_of_path(name));
  }
  return p;
}

working_set::path* working_set::find(const std::string& name) {
  const auto found = paths_.find(name);
  return found == paths_.end() ? nullptr : &found->second;
}
const working_set::path* working_set::find(const std::string& name) const {
  const auto found = paths_.find(name);
  return found == paths_.end() ? nullptr : &found->second;
}

// Enough to keep the connections of one path busy, however full the lane is.
std::size_t working_set::least_share() const noexcept {
  constexpr std::size_t connections = 20;
  return 2 *
         std::min<std::size_t>(connections, std::max<std::size_t>(1, limits_.in_flight_max / 4));
}

// An eighth of a lane is kept for flows that have next to nothing in it, so that ten mails find a
// place whatever the others have brought.
bool working_set::is_small(lane in, const flow_id& id) const {
  constexpr std::size_t next_to_nothing = 16;
  const auto found = flows_.find(id);
  return found == flows_.end() || found->second.loaded[index(in)] < next_to_nothing;
}

std::size_t working_set::free_places(lane in, bool for_small) const noexcept {
  const auto max = limits_.in_memory_max[index(in)];
  const auto most = for_small ? max : max - max / 8;
  return most - std::min(loaded_[index(in)], most);
}

std::size_t working_set::fair_share(lane in, std::size_t has, bool for_small) const noexcept {
  const auto free = free_places(in, for_small);
  const auto share = std::min(limits_.share_max, std::max(least_share(), free / 2));
  return std::min(free, share - std::min(share, has));
}

std::size_t working_set::loaded(lane in, const std::string& name) const {
  const auto* p = find(name);
  return p == nullptr ? 0 : p->loaded[index(in)];
}

std::size_t working_set::share_left(lane in, const std::string& name) const {
  return fair_share(in, loaded(in, name), false);
}

// Three paths' shares, so that one slow path cannot use up a flow's place.
std::size_t working_set::flow_room(lane in, const flow_id& id) const {
  const auto found = flows_.find(id);
  const auto has = found == flows_.end() ? 0 : found->second.loaded[index(in)];
  const auto free = free_places(in, is_small(in, id));
  const auto most = std::max(3 * least_share(), free / 2);
  return std::min(free, most - std::min(most, has));
}

std::optional<instant> working_set::closed_until(const std::string& name, instant now) const {
  const auto* p = find(name);
  return p == nullptr ? std::nullopt : p->pace.closed_until(now);
}

// Its warm-up allows no more today than has been sent and `more` beside.
bool working_set::is_worn(const path& p, std::size_t more, instant now) const {
  if (p.from == nullptr || !p.from->warm_up_from) return false;
  const auto allowed = p.from->allowed_on(budapest_day(now));
  return allowed != 0 && p.sent.in_day(now) + more >= allowed;
}

bool working_set::is_stopped(const path& p) const {
  return stops_.path && stops_.path(site_of_path(p.name), source_of_path(p.name));
}

// --- rows in ---

void working_set::count_in(const due_row& row) {
  const auto i = index(row.in);
  ++loaded_[i];
  ++flows_.at(row.flow).loaded[i];
  ids_.insert(row.recipient);
}

void working_set::count_out(const due_row& row) {
  const auto i = index(row.in);
  --loaded_[i];
  --flows_.at(row.flow).loaded[i];
  ids_.erase(row.recipient);
}

working_set::placed working_set::put(const due_row& row, path& p, instant now) {
  const auto i = index(row.in);
  if (loaded_[i] >= limits_.in_memory_max[i]) return {added::no_room, p.name, {}};
  if (fair_share(row.in, p.loaded[i], is_small(row.in, row.flow)) == 0)
    return {added::no_share, p.name, {}};
  const auto& limits = flows_.at(row.flow).limits;
  p.waiting[i].push(row, {limits.tenant_weight, limits.campaign_weight});
  ++p.loaded[i];
  count_in(row);
  ++flows_.at(row.flow).waiting[i];
  rouse(p, row.in, now);  // it may have slept for flows that are closed
  return {added::yes, p.name, {}};
}

working_set::placed working_set::add(const due_row& row, const std::string& site, instant now) {
  if (ids_.contains(row.recipient)) return {added::known, {}, {}};
  const auto& members = rules_->pool(row.pool.empty() ? flows_.at(row.flow).limits.pool : row.pool);
  std::uint64_t weights = 0;
  placed closed{added::closed, {}, instant::max()};
  std::vector<std::pair<path*, unsigned>> open;
  for (const auto& m : members) {
    auto& p = path_called(path_name(site, m.from->name));
    auto until = p.pace.closed_until(now);
    if (!until && is_worn(p, p.waiting[0].size() + p.waiting[1].size(), now))
      until = p.sent.day_end(now);
    if (until) {
      if (*until < closed.until) closed = {added::closed, p.name, *until};
      continue;
    }
    open.emplace_back(&p, m.weight);
    weights += m.weight;
  }
  if (open.empty()) return closed;
  // By number and not by chance: the next try comes from the same address, which greylisting wants.
  auto at = row.recipient.value * 0x9e3779b97f4a7c15u % weights;
  auto* chosen = open.front().first;
  for (const auto& [p, weight] : open) {
    chosen = p;
    if (at < weight) break;
    at -= weight;
  }
  return put(row, *chosen, now);
}

working_set::placed working_set::add_to(const due_row& row, const std::string& name, instant now) {
  const auto& members = rules_->pool(row.pool.empty() ? flows_.at(row.flow).limits.pool : row.pool);
  const auto source = source_of_path(name);
  const bool is_member = std::any_of(members.begin(), members.end(),
                                     [&](const auto& m) { return m.from->name == source; });
  if (!is_member) return add(row, std::string{site_of_path(name)}, now);
  if (ids_.contains(row.recipient)) return {added::known, {}, {}};
  auto& p = path_called(name);
  if (const auto until = p.pace.closed_until(now)) return {added::closed, name, *until};
  return put(row, p, now);
}

working_set::added working_set::add_unplaced(const due_row& row) {
  if (ids_.contains(row.recipient)) return added::known;
  const auto i = index(row.in);
  // Half of the lane at most may wait for the DNS.
  if (loaded_[i] >= limits_.in_memory_max[i]) return added::no_room;
  unplaced_[row.domain].push_back(row);
  count_in(row);
  return added::yes;
}

std::vector<due_row> working_set::take_unplaced(const std::string& domain) {
  const auto found = unplaced_.find(domain);
  if (found == unplaced_.end()) return {};
  auto rows = std::move(found->second);
  unplaced_.erase(found);
  for (const auto& row : rows) count_out(row);
  return rows;
}

// --- rows out ---

bool working_set::may_start(const path& p, lane in, instant now) const {
  return !p.waiting[index(in)].empty() && !p.sleeps_until[index(in)] &&
         p.in_flight < p.pace.connections(*p.limits, limits_.down, now);
}

void working_set::queue_up(path& p, instant now) {
  for (const auto in : {lane::prompt, lane::bulk}) {
    if (p.in_turn[index(in)] || !may_start(p, in, now)) continue;
    p.in_turn[index(in)] = true;
    turns_[index(in)].push_back(p.name);
  }
}

void working_set::sleep(path& p, lane in, instant until) {
  p.sleeps_until[index(in)] = until;
  sleeping_.insert({until, in, p.name});
}

void working_set::rouse(path& p, lane in, instant now) {
  auto& until = p.sleeps_until[index(in)];
  if (until) sleeping_.erase({*until, in, p.name});
  until.reset();
  queue_up(p, now);
}

void working_set::wake(instant now) {
  while (!sleeping_.empty() && sleeping_.begin()->until <= now) {
    const auto first = *sleeping_.begin();
    rouse(paths_.at(first.path), first.in, now);
  }
}

std::optional<instant> working_set::next_start() const {
  return sleeping_.empty() ? std::nullopt : std::optional{sleeping_.begin()->until};
}

instant working_set::flow_opens(const flow_id& id, instant now) {
  const auto found = flows_.find(id);
  if (found == flows_.end()) return {};
  if (stops_.flow && stops_.flow(id)) return instant::max();
  auto& f = found->second;
  return f.pace.opens(f.limits, sent_[{id.tenant, id.stream}], now);
}

std::optional<working_set::picked> working_set::take(instant now) {
  wake(now);
  if (in_flight_ >= limits_.in_flight_max) return std::nullopt;
  if (auto p = take_from(lane::prompt, now)) return p;
  // A part of the slots is kept for the prompt lane: slow bulk paths must not hold up a password
  // mail.
  if (in_flight_ + limits_.in_flight_max / 8 >= limits_.in_flight_max) return std::nullopt;
  return take_from(lane::bulk, now);
}

// again: when to ask again, where time alone opens a flow. A flow that has all the connections it
// may have is asked again when one of them ends.
std::optional<due_row> working_set::pop(path& p, lane in, instant now,
                                        std::optional<instant>& again) {
  return p.waiting[index(in)].pop([&](const flow_id& id) {
    if (p.is_nowhere) return true;
    const auto& limits = flows_.at(id).limits;
    if (limits.connections_max != 0) {
      const auto used = p.of_tenant.find(id.tenant);
      if (used != p.of_tenant.end() && used->second >= limits.connections_max) return false;
    }
    const auto opens = flow_opens(id, now);
    if (opens <= now) return true;
    again = std::min(again.value_or(instant::max()), opens);
    return false;
  });
}

std::optional<working_set::picked> working_set::take_from(lane in, instant now) {
  const auto i = index(in);
  constexpr std::chrono::seconds stopped_again{1};
  while (!turns_[i].empty()) {
    const auto name = std::move(turns_[i].front());
    turns_[i].pop_front();
    auto* const p = find(name);
    if (p == nullptr) continue;
    p->in_turn[i] = false;
    if (!may_start(*p, in, now)) continue;
    auto opens = p->is_nowhere ? instant{} : p->pace.opens(*p->limits);
    if (is_worn(*p, 0, now)) opens = std::max(opens, p->sent.day_end(now));
    if (is_stopped(*p)) opens = std::max(opens, now + stopped_again);
    if (opens > now) {
      sleep(*p, in, opens);
      continue;
    }
    std::optional<instant> again;
    auto row = pop(*p, in, now, again);
    if (row) return start(*p, std::move(*row), now);
    if (again) sleep(*p, in, std::min(*again, now + std::chrono::hours{1}));
  }
  return std::nullopt;
}

working_set::picked working_set::start(path& p, due_row row, instant now) {
  auto& f = flows_.at(row.flow);
  p.pace.started(*p.limits, now);
  if (p.from != nullptr && p.from->warm_up_from) p.sent.add(now);
  f.pace.started(f.limits, now);
  if (f.limits.per_hour != 0 || f.limits.per_day != 0)
    sent_[{row.flow.tenant, row.flow.stream}].add(now);
  --f.waiting[index(row.in)];
  ++p.of_tenant[row.flow.tenant];
  ++p.in_flight;
  ++in_flight_;
  queue_up(p, now);
  return {std::move(row), p.name, now, p.limits->messages_per_connection_max};
}

// Told at an eighth of its share and when nothing is left.
void working_set::note_drained(const path& p, lane in) {
  const auto left = p.loaded[index(in)];
  if (left == 0 || left == limits_.share_max / 8 || p.waiting[index(in)].size() == p.in_flight)
    drained_[index(in)].insert(p.name);
}

std::vector<due_row> working_set::empty_out(path& p) {
  std::vector<due_row> out;
  for (const auto in : {lane::prompt, lane::bulk})
    for (auto& row : p.waiting[index(in)].take_all()) {
      --p.loaded[index(in)];
      --flows_.at(row.flow).waiting[index(in)];
      count_out(row);
      out.push_back(std::move(row));
    }
  return out;
}

std::vector<due_row> working_set::done(const picked& picked, const ended& how, instant now) {
  auto* const p = find(picked.path);
  CONSENTRY_CHECK(p != nullptr && p->in_flight > 0);
  const auto& flow = picked.row.flow;
  const auto in_flight = static_cast<unsigned>(p->in_flight);
  --p->in_flight;
  --in_flight_;
  --p->loaded[index(picked.row.in)];
  count_out(picked.row);
  note_drained(*p, picked.row.in);
  if (const auto used = p->of_tenant.find(flow.tenant); --used->second == 0)
    p->of_tenant.erase(used);
  if (!how.delivered) {
    p->sent.take_back(picked.at);
    sent_[{flow.tenant, flow.stream}].take_back(picked.at);
  }
  const bool has_closed =
      p->pace.ended(*p->limits, limits_.down, how.reached, how.advice, in_flight, now);
  auto given_back = has_closed ? empty_out(*p) : std::vector<due_row>{};
  queue_up(*p, now);
  return given_back;
}

std::size_t working_set::forget(lane in, const flow_id& flow) {
  const auto f = flows_.find(flow);
  if (f == flows_.end()) return 0;
  auto& waiting = f->second.waiting[index(in)];
  std::size_t n = 0;
  for (auto& [name, p] : paths_) {
    if (waiting == 0) break;
    auto rows = p.waiting[index(in)].take(flow);
    for (const auto& row : rows) count_out(row);
    p.loaded[index(in)] -= rows.size();
    waiting -= rows.size();
    n += rows.size();
  }
  return n;
}

// --- housekeeping ---

void working_set::forget_idle(instant now) {
  std::erase_if(paths_, [&](const auto& entry) {
    const auto& p = entry.second;
    const bool is_empty = p.loaded[0] + p.loaded[1] == 0 && !p.in_turn[0] && !p.in_turn[1] &&
                          !p.sleeps_until[0] && !p.sleeps_until[1] && p.sent.in_day(now) == 0;
    return is_empty && p.pace.is_idle(limits_.down, now);
  });
  std::erase_if(flows_, [&](const auto& entry) {
    const auto& f = entry.second;
    return f.loaded[0] + f.loaded[1] == 0 && f.pace.is_idle(f.limits, now);
  });
  std::erase_if(sent_, [&](const auto& entry) { return entry.second.in_day(now) == 0; });
}

namespace {

std::string name_of(tenant_id tenant, smtp::stream stream) {
  return std::to_string(tenant.value) + "/" + std::string{smtp::to_string(stream)};
}

}  // namespace

// Names are keys of a store that takes 511 bytes.
std::vector<working_set::kept_count> working_set::counts(instant now) const {
  std::vector<kept_count> out;
  for (const auto& [key, sent] : sent_)
    if (sent.in_day(now) != 0)
      out.push_back({name_of(key.first, key.second), sent.in_hour(now), sent.in_day(now)});
  for (const auto& [name, p] : paths_)
    if (name.size() <= 400 && p.from != nullptr && p.from->warm_up_from && p.sent.in_day(now) != 0)
      out.push_back({name, p.sent.in_hour(now), p.sent.in_day(now)});
  return out;
}

void working_set::restore(const std::vector<kept_count>& counts, instant now) {
  for (const auto& c : counts) {
    if (c.name.find('\t') != std::string::npos) {
      path_called(c.name).sent.restore(now, c.in_hour, c.in_day);
      continue;
    }
    const auto slash = c.name.find('/');
    const auto stream = smtp::parse_stream(c.name.substr(slash + 1));
    if (slash == std::string::npos || !stream) continue;
    const tenant_id tenant{static_cast<std::uint32_t>(std::stoul(c.name.substr(0, slash)))};
    sent_[{tenant, *stream}].restore(now, c.in_hour, c.in_day);
  }
}

std::vector<working_set::path_state> working_set::states(instant now) const {
  std::vector<path_state> out;
  for (const auto& [name, p] : paths_)
    out.push_back({.path = name,
                   .rule = p.limits->rule,
                   .waiting = p.waiting[0].size() + p.waiting[1].size(),
                   .in_flight = p.in_flight,
                   .connections_max = p.pace.connections(*p.limits, limits_.down, now),
                   .opens = p.pace.opens(*p.limits),
                   .is_down = p.pace.is_down(now)});
  return out;
}

}  // namespace consentry::queue
