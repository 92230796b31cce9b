// A copy of the whole store that can be started, taken while the daemon runs: database, bodies,
// keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "app/store_rooms.h"
#include "base/clock.h"

namespace consentry::app {

struct snapshot_report {
  journal_seq journal_last;  // the newest entry in it: where a replay begins
  std::uint64_t bytes = 0;   // of the database
  std::uint64_t segments = 0;
};

// Makes `to`, which must not exist (conflict), and the marker that keeps a daemon started on it
// from sending before the journal since then was replayed (restore_marker.h). Bodies are hard links
// where the file system allows, else copies. more: folders beside the database to copy whole (keys,
// DKIM). Blocks: a worker.
result<snapshot_report> take_snapshot(store_rooms& rooms, const wall_clock& clock,
                                      const std::filesystem::path& to,
                                      const std::vector<std::filesystem::path>& more);

}  // namespace consentry::app
