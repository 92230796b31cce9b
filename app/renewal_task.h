// Applies what the journal says about renewals to the ledger, removes verdicts that are past their
// time and evidence that no consent points to, and brings the gates of blocked tenants in line with
// the store.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>

#include "app/store_rooms.h"
#include "base/clock.h"

namespace consentry::app {

// Runs until cancelled.
boost::asio::awaitable<void> apply_renewals(store_rooms& rooms, const wall_clock& clock,
                                            std::chrono::hours keep_verdicts);

}  // namespace consentry::app
