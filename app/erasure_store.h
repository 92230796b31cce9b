// Who was erased and when, and whose bytes are still to leave the disk.
//
//   table erasures          be32 tenant, person(16)  -> erasure_record   stays: the tombstone's
//                                                                         proof
//   table erasures_pending  be64 journal seq, be32 tenant, person(16)
//                           -> be32 tenant, person(16), zigzag at, u8 stage, varint run,
//                              while at work: text address, text name, text method
//   table meta              "erasure_runs"           -> varint: maintenance runs begun
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  std::optional<instant> oldest;  // of those that are complete: only bytes on the disk are left
  std::optional<instant> oldest_at_work;
};

// An erasure whose first commit is done and whose last one is not: what is needed to go on after a
// crash. Gone from the table with its last commit, and from the disk with the run that follows.
struct erasure_at_work {
  tenant_id tenant;
  std::string person;
  std::string address;
  std::string name;
  std::string method;
  erasure_record record;
};

// Table handles only. Any thread may read, the writer's may change.
class erasure_store {
 public:
  explicit erasure_store(store_env& env);  // at start

  // All that is readable is gone with this commit.
  void put(write_txn& txn, tenant_id tenant, std::string_view person,
           const erasure_record& r) const;
  // More is to be taken away; complete() follows.
  void begin(write_txn& txn, const erasure_at_work& e) const;
  void complete(write_txn& txn, tenant_id tenant, std::string_view person) const;
  // Those begun before that time, at most `rows` of them.
  std::vector<erasure_at_work> at_work(const read_txn& txn, instant before, std::size_t rows) const;

  std::optional<erasure_record> find(const read_txn& txn, tenant_id tenant,
                                     std::string_view person) const;
  pending_erasures pending(const read_txn& txn) const;

  // A maintenance run's number. What was complete before this commit is in nothing that is copied
  // after it.
  std::uint64_t begin_run(write_txn& txn) const;
  // What was complete before that run began is gone from the disk; at most `rows` of it. True:
  // there is more.
  bool settle(write_txn& txn, std::uint64_t run, instant now, std::size_t rows) const;

 private:
  void note(write_txn& txn, tenant_id tenant, std::string_view person, const erasure_record& r,
            std::string_view rest) const;
  std::uint64_t runs(const read_txn& txn) const;

  table erasures_;
  table pending_;
  table meta_;
};

}  // namespace consentry::app
