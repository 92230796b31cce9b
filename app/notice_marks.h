// How far the journal was looked through for what tenants must be told, and what they were told of
// lately.
//
//   table tenant_notices   be32 0                          -> be64 seq to go on with
//                          be32 tenant, digest of matter(16) -> be64 time of the last letter
//   table owed_notices     be32 tenant, digest of matter(16) -> be64 seq of the news, be64 when due
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"

namespace consentry::app {

// News that came too soon after the last letter on its matter.
struct owed_notice {
  journal_seq seq;
  instant due{};
};

// Table handles only. Any thread may read, the writer's may change.
class notice_marks {
 public:
  explicit notice_marks(store_env& env);  // at start

  journal_seq next(const read_txn& txn) const;  // 1 in a new store
  void set_next(write_txn& txn, journal_seq seq) const;

  // A tenant's matter, as the tables have it.
  static std::string key_of(tenant_id tenant, std::string_view matter);

  std::optional<instant> told(const read_txn& txn, std::string_view key) const;
  void set_told(write_txn& txn, std::string_view key, instant at) const;

  bool is_owed(const read_txn& txn, std::string_view key) const;
  void owe(write_txn& txn, std::string_view key, const owed_notice& n) const;
  void settle(write_txn& txn, std::string_view key) const;
  // Those whose time has come, at most `limit`; by key.
  std::vector<std::pair<std::string, owed_notice>> due(const read_txn& txn, instant now,
                                                       std::size_t limit) const;

 private:
  table marks_;
  table owed_;
};

}  // namespace consentry::app
