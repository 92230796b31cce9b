// Tenants whose data are being removed: kept until the last row is gone, so that a restart goes on.
//
//   table tenant_removals   be32 tenant -> removal_order
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"

namespace consentry::app {

struct removal_order {
  tenant_id tenant;
  std::string name;    // that it had
  std::string reason;  // "90 days after the end of the contract", or a person's
  std::string actor;
  instant begun_at{};  // in the future: not to be carried out before, should it still stand then
  // Rows of the queue stay until then: an attempt may be on its way that still writes to them.
  instant queue_rows_after{};
  std::vector<std::string> domains;  // whose signing keys go
  std::uint64_t rows = 0;            // removed so far
};

// Table handle only. Any thread may read, the writer's may change.
class removal_orders {
 public:
  explicit removal_orders(store_env& env);  // at start

  void put(write_txn& txn, const removal_order& o) const;
  bool erase(write_txn& txn, tenant_id tenant) const;  // false: was not there
  std::vector<removal_order> all(const read_txn& txn) const;

 private:
  table orders_;
};

}  // namespace consentry::app
