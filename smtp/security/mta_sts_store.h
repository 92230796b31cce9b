// Policies that have been fetched, kept over restarts (RFC 8461 section 3.3).
//
//   table sts_policies   domain (lower-case A-labels) -> sts_policy
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/lmdb_env.h"
#include "smtp/security/mta_sts_policy.h"

namespace consentry::smtp::security {

class mta_sts_store {
 public:
  explicit mta_sts_store(store_env& env);  // at start

  std::optional<sts_policy> find(const read_txn& txn, std::string_view domain) const;
  void put(write_txn& txn, std::string_view domain, const sts_policy& p) const;
  // Removes at most `rows` that ended before now; how many were there.
  std::size_t trim(write_txn& txn, instant now, std::size_t rows) const;

 private:
  table rows_;
};

}  // namespace consentry::smtp::security
