// What an imported tenant's export told of its history elsewhere: kept as it stood, for the next
// export. It is no part of this gateway's journal.
//
//   table tenant_past   be32 tenant, be64 line -> one JSON object
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/lmdb_env.h"

namespace consentry::app {

// Table handle only. Any thread may read, the writer's may change.
class past_history {
 public:
  explicit past_history(store_env& env);  // at start

  void put(write_txn& txn, tenant_id tenant, std::uint64_t line, std::string_view json) const;
  // At most `rows` a call, in order. resume: empty to begin; empty again at the end.
  std::vector<std::string> page(const read_txn& txn, tenant_id tenant, std::size_t rows,
                                std::string& resume) const;

 private:
  table lines_;
};

}  // namespace consentry::app
