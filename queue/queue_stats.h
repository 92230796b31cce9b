// Numbers to watch. Taken from counters; never a walk through the queue.
#pragma once

#include <cstdint>

namespace consentry::queue {

struct queue_stats {
  std::uint64_t queued = 0;  // recipients in the store, now
  std::uint64_t held = 0;
  std::uint64_t working_set = 0;  // of the queued, in memory
  std::uint64_t in_flight = 0;
  std::uint64_t delivered = 0;  // since start
  std::uint64_t deferred = 0;
  std::uint64_t bounced = 0;
  std::uint64_t gate_held = 0;
  std::uint64_t notices = 0;
  std::uint64_t parked = 0;  // rows moved out of the way of others
  std::uint64_t spool_segments = 0;
  std::uint64_t spool_bytes = 0;
};

}  // namespace consentry::queue
