// Applies what the journal says about renewals to the ledger, removes what is past its time
// (verdicts, evidence of decisions, proofs that no consent points to), and brings the gates of
// blocked tenants in line with the store.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>

#include "app/live_settings.h"
#include "app/store_rooms.h"
#include "base/clock.h"

namespace consentry::app {

// Runs until cancelled. How long evidence of decisions is kept, the policy in force says.
boost::asio::awaitable<void> apply_renewals(store_rooms& rooms, const live_settings& live,
                                            const wall_clock& clock,
                                            std::chrono::hours keep_verdicts);

}  // namespace consentry::app
