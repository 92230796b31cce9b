#include "smtp/security/mta_sts_store.h"

namespace consentry::smtp::security {

mta_sts_store::mta_sts_store(store_env& env) : rows_{env.open_table("sts_policies")} {}

std::optional<sts_policy> mta_sts_store::find(const read_txn& txn, std::string_view domain) const {
  const auto bytes = txn.get(rows_, domain);
  if (!bytes) return std::nullopt;
  return decode_sts_policy(*bytes);
}

void mta_sts_store::put(write_txn& txn, std::string_view domain, const sts_policy& p) const {
  txn.put(rows_, domain, encode(p));
}

std::size_t mta_sts_store::trim(write_txn& txn, instant now, std::size_t rows) const {
  std::size_t removed = 0;
  auto c = txn.scan(rows_);
  for (bool ok = c.first(); ok && removed < rows; ok = c.next()) {
    if (decode_sts_policy(c.value()).ends_at() >= now) continue;
    c.erase();
    ++removed;
  }
  return removed;
}

}  // namespace consentry::smtp::security
