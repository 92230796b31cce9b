// The queue's tables in memory, as the simulation needs them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "queue/loader.h"

namespace consentry::tests {

struct mail {
  std::int64_t accepted_at = 0, next_at = 0;
  std::uint32_t flow = 0, domain = 0;
  std::uint8_t attempts = 0;
  bool ended = false, in_flight = false, is_small = false;
};

struct flow_facts {
  queue::flow_id id;
  std::string tenant;
  queue::lane in = queue::lane::bulk;
};

using rows = std::set<std::pair<std::int64_t, std::uint64_t>>;  // time, recipient

struct sim_store {
  std::vector<flow_facts> flows;
  std::vector<mail> mails;  // by recipient, from 1
  std::array<std::map<queue::flow_id, rows>, 2> due;
  std::array<std::map<std::string, std::map<queue::flow_id, rows>>, 2> parked;

  mail& of(recipient_id id) { return mails[id.value - 1]; }
  const mail& of(recipient_id id) const { return mails[id.value - 1]; }
  static instant expires(const mail& m) { return from_ms(m.accepted_at) + std::chrono::hours{72}; }
  void put_due(recipient_id id);
  // Wherever it lies.
  void erase(const queue::due_row& row, std::int64_t at);
  void park(const queue::due_row& row, const std::string& group);
};

class sim_index final : public queue::due_index {
 public:
  explicit sim_index(const sim_store& s) : s_{s} {}
  std::vector<queue::flow_id> flows(queue::lane in, std::optional<queue::flow_id> after,
                                    std::size_t limit) const override;
  std::vector<queue::due_row> due(queue::lane in, const queue::flow_id& flow,
                                  queue::due_position from, instant until,
                                  std::size_t limit) const override;
  std::optional<instant> next_due(queue::lane in, const queue::flow_id& flow,
                                  queue::due_position from) const override;
  std::vector<std::string> parked_groups(queue::lane in, std::size_t limit) const override;
  std::vector<queue::flow_id> parked_flows(queue::lane in, const std::string& group,
                                           std::optional<queue::flow_id> after,
                                           std::size_t limit) const override;
  std::vector<queue::due_row> parked(queue::lane in, const std::string& group,
                                     const queue::flow_id& flow, queue::due_position from,
                                     std::size_t limit) const override;
  bool has_expired(const queue::due_row& row, instant now) const override;
  std::optional<flow_names> names(const queue::due_row& row) const override;

 private:
  std::vector<queue::due_row> read(const rows& from, queue::lane in, const queue::flow_id& flow,
                                   const std::string& group, queue::due_position at, instant until,
                                   std::size_t limit) const;
  const sim_store& s_;
};

}  // namespace consentry::tests
