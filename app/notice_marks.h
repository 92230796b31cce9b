// How far the journal was looked through for what tenants must be told, and what they were told of
// lately.
//
//   table tenant_notices   be32 0                          -> be64 seq to go on with
//                          be32 tenant, digest of matter(16) -> be64 time of the last letter
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"

namespace consentry::app {

// Table handle only. Any thread may read, the writer's may change.
class notice_marks {
 public:
  explicit notice_marks(store_env& env);  // at start

  journal_seq next(const read_txn& txn) const;  // 1 in a new store
  void set_next(write_txn& txn, journal_seq seq) const;

  std::optional<instant> told(const read_txn& txn, tenant_id tenant, std::string_view matter) const;
  void set_told(write_txn& txn, tenant_id tenant, std::string_view matter, instant at) const;

 private:
  table marks_;
};

}  // namespace consentry::app
