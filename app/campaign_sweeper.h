// Queued mail follows the hold and the release of its campaign, and the tenant is told of a hold
// (RULES A2 3). The gate holds and lets go by itself what comes up; this makes it show at once, and
// lets go what was held.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>

#include "app/store_rooms.h"
#include "base/clock.h"
#include "smtp/address.h"

namespace consentry::app {

struct campaign_sweeper_parts {
  store_rooms& rooms;  // outlives the sweeper
  const wall_clock& clock;
  std::function<void(instant due)> notify_queue;
  std::string host_name;
  smtp::mailbox postmaster;  // whom notices are from
};

// One round over what waits; how many sweeps are done. Slices of the commit loop, in the order of
// their tenants.
boost::asio::awaitable<std::size_t> sweep_once(const campaign_sweeper_parts& p);

// Rounds until cancelled. What a crash interrupts, the next start does again.
boost::asio::awaitable<void> sweep_campaigns(campaign_sweeper_parts p);

}  // namespace consentry::app
