// Segments that hold dead bodies are emptied: what lives in them is copied to new segments, and
// they are removed. So nothing of a body stays on the disk whose mail has ended or was cancelled
// before the rewrite began.
//
//   rotate -> live bytes of each closed segment, from the open messages -> those with more bytes
//   than live ones: read, append, one commit names the new places of many -> unlink
//
// A crash leaves copies that nobody names, which the next start removes with their segments, or
// bodies that are moved already. Throttled; the writer sees one small commit a batch.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/commit_loop.h"
#include "queue/queue_store.h"
#include "queue/spool.h"

namespace consentry::queue {

struct spool_rewrite_options {
  double share = 0.5;                        // of the time; the rest it sleeps
  std::uint64_t batch_bytes_max = 4u << 20;  // of one commit
  std::size_t batch_messages_max = 64;
  std::function<bool()> is_cancelled;
};

struct spool_rewrite_report {
  std::uint64_t segments = 0;   // removed
  std::uint64_t bodies = 0;     // copied
  std::uint64_t bytes = 0;      // of them
  std::uint64_t damaged = 0;    // bodies that cannot be read: they stay where they are, and all
                                // around them is blanked
  std::uint64_t left_over = 0;  // segments that somebody still held at the end
};

// Blocks; a thread of its own, one at a time. cancelled; else as commit_loop::run and
// spool::append.
result<spool_rewrite_report> rewrite_spool(store_env& env, commit_loop& commits, queue_store& store,
                                           spool& bodies, const spool_rewrite_options& o = {});

}  // namespace consentry::queue
