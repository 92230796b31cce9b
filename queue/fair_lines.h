// Rows that wait for one path, so that nobody waits behind a whole campaign of somebody else:
// tenants take turns, in each tenant its campaigns, in each campaign first come is first served.
// A turn is as many rows as the weight says. Pure; not thread-safe.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "queue/queue_store.h"

namespace consentry::queue {

struct turn_weights {
  unsigned tenant = 1;
  unsigned campaign = 1;
};

class fair_lines {
 public:
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }

  void push(due_row row, turn_weights weights);
  // The next row of a flow that is_open(flow) lets pass; nullopt: none does. Each flow is asked at
  // most once.
  template <class IsOpen>
  std::optional<due_row> pop(IsOpen is_open);
  std::vector<due_row> take_all();
  std::vector<due_row> take(const flow_id& flow);

 private:
  struct campaign_line {
    std::deque<due_row> rows;
    unsigned weight = 1;
  };
  struct tenant_line {
    std::map<flow_id, campaign_line> campaigns;
    std::deque<flow_id> turns;
    unsigned weight = 1;
    unsigned rows_in_turn = 0;           // of the tenant's turn
    unsigned rows_in_campaign_turn = 0;  // of the turn of its first campaign
  };
  due_row take_first(tenant_line& t);

  std::map<tenant_id, tenant_line> tenants_;
  std::deque<tenant_id> turns_;
  std::size_t size_ = 0;
};

// A closed flow loses its turn, not its place among the rows.
template <class IsOpen>
std::optional<due_row> fair_lines::pop(IsOpen is_open) {
  for (std::size_t tenants = turns_.size(); tenants > 0; --tenants) {
    auto& t = tenants_.at(turns_.front());
    for (std::size_t campaigns = t.turns.size(); campaigns > 0; --campaigns) {
      if (is_open(t.turns.front())) return take_first(t);
      t.turns.push_back(t.turns.front());
      t.turns.pop_front();
      t.rows_in_campaign_turn = 0;
    }
    turns_.push_back(turns_.front());
    turns_.pop_front();
    t.rows_in_turn = 0;
  }
  return std::nullopt;
}

}  // namespace consentry::queue
