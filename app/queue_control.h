// Hold, release, purge, requeue and move by hand, in slices that do not hold up intake. Each
// recipient held, released or purged is journaled under the person who asked; what changes no
// mail's fate is journaled as one act.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "app/store_rooms.h"
#include "base/clock.h"

namespace consentry::app {

enum class queue_act : std::uint8_t {
  hold,
  release,
  purge,
  requeue,  // due now
  move,     // to another pool of sources
};
std::string_view name_of(queue_act what) noexcept;

struct queue_order {
  queue_act what = queue_act::hold;
  queue::queue_filter which;
  std::string reason;
  std::string actor;  // "desk:<login>"
  std::string pool;   // move: "" is the one that the rules say
  // Asked in each slice's transaction; false: the rest is left as it is.
  std::function<bool(const read_txn&)> only_while{};
};

// Recipients changed. Slices before a failure stay. so_far counts them as it goes.
using changed_so_far = std::shared_ptr<std::atomic<std::uint64_t>>;
boost::asio::awaitable<result<std::uint64_t>> carry_out(store_rooms& rooms, const wall_clock& clock,
                                                        queue_order order,
                                                        changed_so_far so_far = {});

// After a block: puts the tenant's queued bulk mail on hold, so that it shows as held and does not
// come up at the gate one by one. What it misses the gate holds.
boost::asio::awaitable<void> hold_bulk(store_rooms& rooms, const wall_clock& clock,
                                       tenant_id tenant);

// Releases the bulk mail that waits for a block and for nothing else, and tells notify from when on
// it is due, also where a slice fails.
boost::asio::awaitable<result<std::uint64_t>> release_blocked(
    store_rooms& rooms, const wall_clock& clock, tenant_id tenant, std::string reason,
    std::string actor, std::function<void(instant due)> notify);

// At start: does so for tenants that are not blocked, where a crash came between an unblock and the
// release of what was held. Nothing else would ever let that mail go.
boost::asio::awaitable<void> finish_unblocks(store_rooms& rooms, const wall_clock& clock,
                                             std::function<void(instant due)> notify);

}  // namespace consentry::app
