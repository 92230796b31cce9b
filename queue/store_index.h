// The loader's view of the store within one read transaction.
#pragma once

#include <functional>

#include "queue/loader.h"

namespace consentry::queue {

class store_index final : public due_index {
 public:
  using tenant_names = std::function<std::string(tenant_id)>;
  // All outlive it.
  store_index(const queue_store& store, const read_txn& txn, const tenant_names& names)
      : store_{store}, txn_{txn}, names_{names} {}

  std::vector<flow_id> flows(lane in, std::optional<flow_id> after,
                             std::size_t limit) const override {
    return store_.flows(txn_, in, after, limit);
  }
  std::vector<due_row> due(lane in, const flow_id& flow, due_position from, instant until,
                           std::size_t limit) const override {
    return store_.due(txn_, in, flow, from, until, limit);
  }
  std::optional<instant> next_due(lane in, const flow_id& flow, due_position from) const override {
    return store_.next_due(txn_, in, flow, from);
  }
  std::vector<std::string> parked_groups(lane in, std::size_t limit) const override {
    return store_.parked_groups(txn_, in, limit);
  }
  std::vector<flow_id> parked_flows(lane in, const std::string& group, std::optional<flow_id> after,
                                    std::size_t limit) const override {
    return store_.parked_flows(txn_, in, group, after, limit);
  }
  std::vector<due_row> parked(lane in, const std::string& group, const flow_id& flow,
                              due_position from, std::size_t limit) const override {
    return store_.parked(txn_, in, group, flow, from, limit);
  }
  bool has_expired(const due_row& row, instant now) const override {
    const auto m = store_.message_of(txn_, row.recipient);
    return m && m->expires_at <= now;
  }
  std::optional<flow_names> names(const due_row& row) const override {
    const auto m = store_.message_of(txn_, row.recipient);
    if (!m || flow_of(*m) != row.flow) return std::nullopt;
    return flow_names{names_ ? names_(m->tenant) : std::to_string(m->tenant.value), m->campaign};
  }

 private:
  const queue_store& store_;
  const read_txn& txn_;
  const tenant_names& names_;
};

}  // namespace consentry::queue
