// Hands out message and recipient numbers, ascending, never twice (table meta, key next_id).
#pragma once

#include <cstdint>

#include "base/lmdb_env.h"

namespace consentry::journal {

// No state but the table handle; part of the transaction, so a dropped one gives its numbers back.
class id_sequence {
 public:
  explicit id_sequence(store_env& env);  // at start

  // The first of `count` consecutive numbers. The first ever is 1. Whoever takes a block ahead and
  // dies leaves a gap, which harms nobody.
  std::uint64_t take(write_txn& txn, std::uint64_t count) const;

 private:
  table meta_;
};

}  // namespace consentry::journal
