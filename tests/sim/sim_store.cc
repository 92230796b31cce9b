#include "tests/sim/sim_store.h"

#include <fmt/format.h>

namespace consentry::tests {

using namespace queue;

namespace {

std::vector<flow_id> page(const std::map<flow_id, rows>& all, std::optional<flow_id> after,
                          std::size_t limit) {
  std::vector<flow_id> out;
  auto it = after ? all.upper_bound(*after) : all.begin();
  for (; it != all.end() && out.size() < limit; ++it) out.push_back(it->first);
  return out;
}

}  // namespace

std::vector<flow_id> sim_index::flows(lane in, std::optional<flow_id> after,
                                      std::size_t limit) const {
  return page(s_.due[static_cast<std::size_t>(in)], after, limit);
}

std::vector<due_row> sim_index::read(const rows& from, lane in, const flow_id& flow,
                                     const std::string& group, due_position at, instant until,
                                     std::size_t limit) const {
  std::vector<due_row> out;
  for (auto it = from.lower_bound({to_ms(at.at), at.recipient.value});
       it != from.end() && out.size() < limit && it->first <= to_ms(until); ++it) {
    const recipient_id id{it->second};
    out.push_back({.in = in,
                   .flow = flow,
                   .group = group,
                   .at = from_ms(it->first),
                   .recipient = id,
                   .domain = fmt::format("d{}", s_.of(id).domain)});
  }
  return out;
}

std::vector<due_row> sim_index::due(lane in, const flow_id& flow, due_position from, instant until,
                                    std::size_t limit) const {
  const auto& all = s_.due[static_cast<std::size_t>(in)];
  const auto found = all.find(flow);
  if (found == all.end()) return {};
  return read(found->second, in, flow, {}, from, until, limit);
}

std::optional<instant> sim_index::next_due(lane in, const flow_id& flow, due_position from) const {
  const auto next = due(in, flow, from, instant::max(), 1);
  return next.empty() ? std::nullopt : std::optional{next.front().at};
}

std::vector<std::string> sim_index::parked_groups(lane in, std::size_t limit) const {
  std::vector<std::string> out;
  for (const auto& [name, g] : s_.parked[static_cast<std::size_t>(in)])
    if (out.size() < limit) out.push_back(name);
  return out;
}

std::vector<flow_id> sim_index::parked_flows(lane in, const std::string& group,
                                             std::optional<flow_id> after,
                                             std::size_t limit) const {
  const auto& all = s_.parked[static_cast<std::size_t>(in)];
  const auto found = all.find(group);
  return found == all.end() ? std::vector<flow_id>{} : page(found->second, after, limit);
}

std::vector<due_row> sim_index::parked(lane in, const std::string& group, const flow_id& flow,
                                       due_position from, std::size_t limit) const {
  const auto& all = s_.parked[static_cast<std::size_t>(in)];
  const auto found = all.find(group);
  if (found == all.end()) return {};
  const auto of_flow = found->second.find(flow);
  if (of_flow == found->second.end()) return {};
  return read(of_flow->second, in, flow, group, from, instant::max(), limit);
}

bool sim_index::has_expired(const due_row& row, instant now) const {
  return s_.expires(s_.of(row.recipient)) <= now;
}

std::optional<due_index::flow_names> sim_index::names(const due_row& row) const {
  const auto& f = s_.flows[s_.of(row.recipient).flow];
  return flow_names{f.tenant, fmt::format("c{}", f.id.campaign)};
}

void sim_store::put_due(recipient_id id) {
  const auto& m = of(id);
  const auto& f = flows[m.flow];
  due[static_cast<std::size_t>(f.in)][f.id].emplace(m.next_at, id.value);
}

void sim_store::erase(const due_row& row, std::int64_t at) {
  const auto i = static_cast<std::size_t>(row.in);
  const auto take = [&](std::map<flow_id, rows>& from) {
    const auto f = from.find(row.flow);
    if (f == from.end()) return false;
    const bool was_there = f->second.erase({at, row.recipient.value}) > 0;
    if (f->second.empty()) from.erase(f);
    return was_there;
  };
  if (take(due[i]) || row.group.empty()) return;
  const auto g = parked[i].find(row.group);
  if (g == parked[i].end()) return;
  take(g->second);
  if (g->second.empty()) parked[i].erase(g);
}

void sim_store::park(const due_row& row, const std::string& group) {
  const auto& m = of(row.recipient);
  erase(row, m.next_at);
  parked[static_cast<std::size_t>(row.in)][group][row.flow].emplace(m.next_at, row.recipient.value);
}

}  // namespace consentry::tests
