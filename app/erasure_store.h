// Who was erased and when, and whose bytes are still to leave the disk.
//
//   table erasures          be32 tenant, person(16)  -> erasure_record   stays: the tombstone's
//   proof table erasures_pending  be64 journal seq         -> be32 tenant, person(16), zigzag at
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"

namespace consentry::app {

struct erasure_record {
  instant at{};
  std::string reason;
  std::string actor;
  journal_seq entry;               // its consent_erased
  std::optional<instant> gone_at;  // nothing of it was on this disk any more
};

struct pending_erasures {
  std::uint64_t count = 0;
  std::optional<instant> oldest;
};

// Table handles only. Any thread may read, the writer's may change.
class erasure_store {
 public:
  explicit erasure_store(store_env& env);  // at start

  void put(write_txn& txn, tenant_id tenant, std::string_view person,
           const erasure_record& r) const;
  std::optional<erasure_record> find(const read_txn& txn, tenant_id tenant,
                                     std::string_view person) const;
  pending_erasures pending(const read_txn& txn) const;
  // Those up to that entry are gone from the disk; at most `rows` of them. True: there are more.
  bool settle(write_txn& txn, journal_seq through, instant now, std::size_t rows) const;

 private:
  table erasures_;
  table pending_;
};

}  // namespace consentry::app
