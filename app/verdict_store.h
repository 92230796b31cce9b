// The verdict on each recipient as it was given, for `why` and for the desk.
//
//   table verdicts   be64 recipient -> policy::verdict, encoded
#pragma once

#include <optional>

#include "base/ids.h"
#include "base/lmdb_env.h"
#include "policy/verdict.h"

namespace consentry::app {

// Table handle only. Any thread may read, the writer's may change.
class verdict_store {
 public:
  explicit verdict_store(store_env& env);  // at start

  void put(write_txn& txn, recipient_id recipient, const policy::verdict& v) const;
  std::optional<policy::verdict> find(const read_txn& txn, recipient_id recipient) const;

  // Removes verdicts on recipients below `below`, at most `rows`; true: there may be more.
  bool trim(write_txn& txn, recipient_id below, std::size_t rows) const;

 private:
  table verdicts_;
};

}  // namespace consentry::app
