// Counts of TLS sessions until their day is reported (RFC 8460).
//
//   table tls_days   be32 day since 1970 (UTC), domain -> tls_day
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lmdb_env.h"
#include "smtp/security/tls_report.h"

namespace consentry::smtp::security {

using utc_day = std::uint32_t;  // days since 1970
utc_day day_of(instant t) noexcept;
instant start_of(utc_day day) noexcept;

class tls_report_store {
 public:
  explicit tls_report_store(store_env& env);  // at start

  void add(write_txn& txn, utc_day day, std::string_view domain, const tls_day& more) const;
  std::optional<tls_day> find(const read_txn& txn, utc_day day, std::string_view domain) const;
  void erase(write_txn& txn, utc_day day, std::string_view domain) const;

  struct row {
    utc_day day = 0;
    std::string domain;
  };
  // Of days before `before`, behind `after`, oldest first, at most `limit`.
  std::vector<row> past(const read_txn& txn, utc_day before, const row& after,
                        std::size_t limit) const;

 private:
  table rows_;
};

}  // namespace consentry::smtp::security
