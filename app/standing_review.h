// Judges complaint figures where they may have changed, and acts (RULES A5, C6): a block at once, a
// warning once. Figures change with a complaint, with a delivery that one had overtaken, and at
// midnight in Budapest, when a day leaves the window.
//
//   table told_levels   be32 tenant, be32 epoch, matter -> u8 level   (0 is not stored)
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/lmdb_env.h"
#include "policy/policy_set.h"
#include "reputation/standing.h"

namespace consentry::app {

struct live_settings;
struct store_rooms;

reputation::standing_knobs standing_knobs_of(const policy::rule_knobs& k) noexcept;

// Which level of a figure was recorded last, so that each change of it is told once. Table handle
// only. Any thread may read, the writer's may change.
class told_levels {
 public:
  explicit told_levels(store_env& env);  // at start

  std::uint8_t level(const read_txn& txn, tenant_id tenant, std::uint32_t epoch,
                     std::string_view matter) const;
  void set(write_txn& txn, tenant_id tenant, std::uint32_t epoch, std::string_view matter,
           std::uint8_t level) const;

 private:
  table levels_;
};

// The tenant over its window and, where one is given, that campaign over its life. Blocks, or
// journals (kind warned) where a level is another one than before. True: bulk mail was not blocked
// before. Inside an operation; re-runnable.
bool review_standing(write_txn& txn, store_rooms& rooms, const policy::rule_knobs& rules,
                     tenant_id tenant, std::optional<std::string_view> campaign, instant at);

// All tenants, when a day leaves the window; returns those that were blocked by it.
boost::asio::awaitable<std::vector<tenant_id>> review_all(store_rooms& rooms,
                                                          const policy::rule_knobs& rules,
                                                          instant at);

// Until cancelled: review_all() at start and at each midnight; what waits follows the standing
// wherever a crash, or an answer of the gate that crossed it, came between; open appeals whose time
// is over are told of.
boost::asio::awaitable<void> follow_standings(store_rooms& rooms, const live_settings& live,
                                              const wall_clock& clock,
                                              std::function<void(instant due)> notify_queue);

}  // namespace consentry::app
