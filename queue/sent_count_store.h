// Keeps what quotas and warm-ups count over a restart: written every few seconds, so that after a
// crash a quota may be passed by what was sent in those.
//
//   queue_sent_counts  name -> u8 version, be64 written_at_ms, varint in_hour, varint in_day
#pragma once

#include <vector>

#include "base/lmdb_env.h"
#include "queue/working_set.h"

namespace consentry::queue {

class sent_count_store {
 public:
  explicit sent_count_store(store_env& env);  // opens the table

  // Those that still count in the hour and on the day of now.
  std::vector<working_set::kept_count> read(const read_txn& txn, instant now) const;
  // Instead of all that were there.
  void write(write_txn& txn, const std::vector<working_set::kept_count>& counts, instant now);

 private:
  table counts_;
};

}  // namespace consentry::queue
