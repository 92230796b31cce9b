// A new database file in the place of the old one, while reading and writing go on. It holds what
// lives and nothing else. LMDB leaves the bytes of erased entries in free pages and in the slack of
// used ones; its own compacting copy (MDB_CP_COMPACT) drops those, but keeps erased keys where
// branch pages use them as separators, and cannot be throttled or stopped.
// docs/decisions/erasure.md
//
//   begin   writer paused for an instant: a read transaction S, and from now on the keys of every
//           commit go to change_log
//   copy    all tables as of S, in key order, into data.mdb.new
//   rounds  the changed keys, as a newer read transaction shows them, into the copy; until little
//           is left
//   swap    writer paused: the last changes, fsync, rename over data.mdb, fsync of the folder; new
//           transactions begin on the new file
//   end     the old file closes with its last reader, and is gone
//
// A crash before the rename leaves the old file, after it the new one; both whole, with every
// commit that was acknowledged. What was erased after S may have left its bytes in the copy: the
// next compaction removes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/lmdb_env.h"

namespace consentry {

struct compaction_progress {
  std::uint64_t entries = 0;  // copied
  std::uint64_t entries_total = 0;
  unsigned round = 0;
};

struct compaction_options {
  std::uint64_t reserve_bytes = 64u << 20;       // of free disk that must stay
  double share = 0.5;                            // of one core; the rest of the time it sleeps
  std::size_t changes_in_pause_max = 16u << 10;  // bytes of the change log; more is another round
  unsigned rounds_max = 100;
  std::function<bool()> is_cancelled;  // looked at between steps
  std::function<void(const compaction_progress&)> progress;
};

struct compaction_report {
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  std::uint64_t entries = 0;
  std::uint64_t changes = 0;  // keys that were written meanwhile
  unsigned rounds = 0;
  std::chrono::microseconds longest_pause{};  // of the writer
  std::chrono::milliseconds took{};
  bool is_old_file_gone = false;  // false: a reader still held it after a minute
};

// Blocks, for minutes with a large store: a thread of its own. One at a time (conflict). Not while
// open_table may be called. storage_full: not enough free disk for the copy; cancelled. On a
// failure the old file stays in use, but for storage_broken, after which nothing is written any
// more.
result<compaction_report> compact_store(store_env& env, const compaction_options& o = {});

// A consistent copy of the database into a folder that has none yet, made like a compaction's. Any
// thread; readers and the writer go on. Synced. conflict: there is one already.
result<void> copy_store(const store_env& env, const std::filesystem::path& folder);

}  // namespace consentry
