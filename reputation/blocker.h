// Stops and restores a tenant's bulk stream: the durable standing, and the gate in memory that
// delivery looks at just before each MAIL FROM (RULES A5).
//
//   table standings          be32 tenant -> standing
//   table standing_changes   be32 tenant, be64 journal seq -> standing_change
//   table unblock_proposals  be32 tenant -> person, reason, time: the first of two persons
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/lmdb_env.h"
#include "journal/event_journal.h"
#include "reputation/standing.h"

namespace consentry::reputation {

// The reason code of a refusal by the gate.
inline constexpr std::string_view bulk_blocked_reason = "tenant.bulk_blocked";

struct standing {
  bool bulk_blocked = false;
  std::uint32_t epoch = 1;  // counting restarts with each
  instant since{};          // of the last change; 0: never changed
  std::string
      cause;  // of the last change: "complaint ratio: 2 on 900 delivered of campaign spring"
  std::string actor;  // who made it: "gateway" or a person

  friend bool operator==(const standing&, const standing&) = default;
};

// One line of the history that is kept for ever.
struct standing_change {
  journal_seq seq;  // its entry
  standing after;
};

// What one person has asked for where two are needed (unblock.four_eyes).
struct unblock_proposal {
  std::string person;
  std::string reason;
  instant at{};

  friend bool operator==(const unblock_proposal&, const unblock_proposal&) = default;
};

// Changing functions run on the writer's thread inside an operation; all others on any thread.
class blocker {
 public:
  // At start; loads the gates. `journal` must outlive it.
  blocker(store_env& env, const journal::event_journal& journal);

  // Looked at just before MAIL FROM of bulk mail. No wait on the store.
  bool is_bulk_closed(tenant_id tenant) const;
  // The gate itself, for whoever asks often; closed when true. Lives on its own.
  std::shared_ptr<const std::atomic<bool>> gate_of(tenant_id tenant);

  // Closes the gate at once, before the commit: a block never waits for the disk. After the commit
  // has failed for good call refresh(). Blocked already: nothing changes, the first cause stands.
  // Returns whether it changed; journals standing_changed.
  // knobs: those that decided, for the record.
  bool block_for_ratio(write_txn& txn, tenant_id tenant, const standing_decision& why, instant at,
                       const standing_knobs& knobs = {});
  // By a person, who must be named and give a reason: invalid otherwise.
  result<bool> block(write_txn& txn, tenant_id tenant, std::string_view person,
                     std::string_view reason, instant at);

  // Lifts the block and, unless !resets, starts the next epoch. invalid: person or reason is blank;
  // conflict: not blocked. The gate opens only by refresh(), after the commit. No timer calls this
  // (RULES A5, FIXED).
  result<standing> unblock(write_txn& txn, tenant_id tenant, std::string_view person,
                           std::string_view reason, instant at, bool resets = true);

  // The first of two persons: journaled, opens nothing; it goes with the next change of the
  // standing. invalid as unblock(); conflict: not blocked, or proposed by this person already.
  result<unblock_proposal> propose_unblock(write_txn& txn, tenant_id tenant,
                                           std::string_view person, std::string_view reason,
                                           instant at) const;
  std::optional<unblock_proposal> proposal(const read_txn& txn, tenant_id tenant) const;

  // A decision of the past as it was recorded, after a restore; journaled anew. False: it stands
  // already. A gate that it opens opens by refresh().
  bool replay(write_txn& txn, tenant_id tenant, const standing& as_recorded);

  // A change as an export tells it, oldest first; the last is the standing. Journaled as restored.
  void restore(write_txn& txn, tenant_id tenant, const standing& after);

  // Sets the gate to what is stored: after the commit of an unblock, or a failed commit of a block.
  // Any thread, with a transaction begun after that commit. It cannot undo a block that is still on
  // its way to the disk, and an older view does not overrule a newer one; where it cannot be told
  // whether a block was dropped or is on its way, the gate stays closed; any later refresh settles
  // it.
  void refresh(const read_txn& txn, tenant_id tenant);
  // refresh() of every gate that is closed, now and then: a block that was dropped must not stay in
  // memory alone.
  void refresh_closed(const read_txn& txn);

  standing standing_of(const read_txn& txn, tenant_id tenant) const;
  std::vector<standing_change> history(const read_txn& txn, tenant_id tenant,
                                       std::size_t limit) const;  // newest first
  std::vector<tenant_id> blocked(const read_txn& txn) const;

 private:
  journal_seq change(write_txn& txn, tenant_id tenant, const standing& before,
                     const standing& after, journal::event what);
  void close(tenant_id tenant, journal_seq by);

  struct gate {
    std::atomic<bool> closed{false};
    journal_seq closed_by;  // the entry of the last block, committed or not
    journal_seq seen;       // the newest entry that a refresh has seen
  };
  gate& gate_at(tenant_id tenant);  // with mutex_ held

  const journal::event_journal& journal_;
  table standings_;
  table changes_;
  table proposals_;
  mutable std::shared_mutex mutex_;  // guards the map and who may open or close; not `closed`
  std::unordered_map<tenant_id, std::shared_ptr<gate>> gates_;
};

}  // namespace consentry::reputation
