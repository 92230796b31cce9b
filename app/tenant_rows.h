// All that the store holds of one tenant, wherever it lies. The one place that knows every table:
// a test fails for a table that is named here in no way.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/lmdb_env.h"

namespace consentry::app {

struct tenant_table {
  std::string_view name;
  std::string_view
      how;  // for tables whose key does not begin with the tenant: who removes its rows
};

// Tables whose keys begin with be32 tenant: a tenant's rows lie together, and nothing else of
// theirs has to be known.
std::span<const std::string_view> tables_by_tenant() noexcept;
// All others, and why nothing of a removed tenant stays in them.
std::span<const tenant_table> other_tables() noexcept;

class tenant_rows {
 public:
  explicit tenant_rows(store_env& env);  // at start; opens the tables by tenant

  // Removes at most `rows` of the tenant's rows, of all these tables; how many were there. 0: none
  // is left.
  std::size_t sweep(write_txn& txn, tenant_id tenant, std::size_t rows) const;
  std::size_t count(const read_txn& txn,
                    tenant_id tenant) const;  // walks them: for tests, small tenants

 private:
  std::vector<table> tables_;
};

}  // namespace consentry::app
