// Answers to writes that named an Idempotency-Key, kept in the transaction of the write itself, so
// that who asks again after a broken connection gets the same answer and writes nothing twice.
//
//   table idempotency           be32 tenant, SHA-256 of the key -> stored answer
//   table idempotency           be32 tenant, zeros              -> count, bytes of that tenant
//   table idempotency_by_time   be64 ms, be32 tenant, SHA-256 of the key -> ""
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"
#include "base/secret.h"

namespace consentry::app {

struct stored_answer {
  digest256 request{};  // of what was asked
  instant at{};
  int status = 0;
  std::string body;
};

// Table handles only. Any thread may read, the writer's may change.
class idempotency_store {
 public:
  struct limits {
    std::chrono::hours kept{24};
    std::uint64_t answers_max = 200'000;  // of one tenant
    std::uint64_t bytes_max = 64u << 20;  // of one tenant
    unsigned trimmed_at_once = 16;
  };
  explicit idempotency_store(store_env& env) : idempotency_store(env, limits{}) {}
  idempotency_store(store_env& env, limits l);  // at start

  // nullopt: never asked, or longer ago than it is kept.
  std::optional<stored_answer> find(const read_txn& txn, tenant_id tenant, std::string_view key,
                                    instant now) const;
  // False: the tenant has as many as it may.
  bool has_room(const read_txn& txn, tenant_id tenant) const;
  // Also takes some that are too old away. Ask has_room first.
  void keep(write_txn& txn, tenant_id tenant, std::string_view key, const stored_answer& a) const;
  // Takes a few that are too old away.
  void trim(write_txn& txn, instant now) const;
  // Of a tenant whose data goes.
  void remove_all(write_txn& txn, tenant_id tenant) const;

 private:
  struct sum {
    std::uint64_t answers = 0;
    std::uint64_t bytes = 0;
  };
  sum sum_of(const read_txn& txn, tenant_id tenant) const;
  void store_sum(write_txn& txn, tenant_id tenant, const sum& s) const;
  void erase(write_txn& txn, const std::string& time_key) const;

  limits limits_;
  table answers_;
  table by_time_;
};

}  // namespace consentry::app
