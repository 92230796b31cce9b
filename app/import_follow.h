// What became of mail to freshly imported addresses: read from the journal, added to the import's
// signs.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/worker_pool.h"

namespace consentry::app {

// "Early": the days after an import in which its mail is watched.
inline constexpr std::chrono::days watched_after_import{14};

// Reads on from where it last was, at most `entries`. true: there is more. Blocks for a commit.
result<bool> follow_imports_once(store_rooms& rooms, instant now, std::size_t entries = 500);

// Does so until cancelled.
boost::asio::awaitable<void> follow_imports(store_rooms& rooms, const wall_clock& clock,
                                            worker_pool& workers);

}  // namespace consentry::app
