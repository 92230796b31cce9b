#include "queue/fair_lines.h"

#include <algorithm>

namespace consentry::queue {

void fair_lines::push(due_row row, turn_weights weights) {
  const auto flow = row.flow;
  auto [t, is_new_tenant] = tenants_.try_emplace(flow.tenant);
  if (is_new_tenant) turns_.push_back(flow.tenant);
  t->second.weight = std::max(1u, weights.tenant);
  auto [c, is_new] = t->second.campaigns.try_emplace(flow);
  if (is_new) t->second.turns.push_back(flow);
  c->second.weight = std::max(1u, weights.campaign);
  c->second.rows.push_back(std::move(row));
  ++size_;
}

// Of the first campaign of a tenant that is the first in turn.
due_row fair_lines::take_first(tenant_line& t) {
  const auto flow = t.turns.front();
  auto& line = t.campaigns.at(flow);
  auto row = std::move(line.rows.front());
  line.rows.pop_front();
  --size_;
  const bool is_over = ++t.rows_in_campaign_turn >= line.weight;
  if (line.rows.empty()) {
    t.campaigns.erase(flow);
    t.turns.pop_front();
    t.rows_in_campaign_turn = 0;
  } else if (is_over) {
    t.turns.push_back(flow);
    t.turns.pop_front();
    t.rows_in_campaign_turn = 0;
  }
  if (t.campaigns.empty()) {
    tenants_.erase(flow.tenant);
    turns_.pop_front();
  } else if (++t.rows_in_turn >= t.weight) {
    t.rows_in_turn = 0;
    turns_.push_back(turns_.front());
    turns_.pop_front();
  }
  return row;
}

std::vector<due_row> fair_lines::take_all() {
  std::vector<due_row> out;
  out.reserve(size_);
  while (auto row = pop([](const flow_id&) { return true; })) out.push_back(std::move(*row));
  return out;
}

std::vector<due_row> fair_lines::take(const flow_id& flow) {
  const auto t = tenants_.find(flow.tenant);
  if (t == tenants_.end()) return {};
  const auto c = t->second.campaigns.find(flow);
  if (c == t->second.campaigns.end()) return {};
  std::vector<due_row> out{std::make_move_iterator(c->second.rows.begin()),
                           std::make_move_iterator(c->second.rows.end())};
  size_ -= out.size();
  if (t->second.turns.front() == flow) t->second.rows_in_campaign_turn = 0;
  std::erase(t->second.turns, flow);
  t->second.campaigns.erase(c);
  if (t->second.campaigns.empty()) {
    tenants_.erase(t);
    std::erase(turns_, flow.tenant);
  }
  return out;
}

}  // namespace consentry::queue
