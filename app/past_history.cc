#include "app/past_history.h"

#include <utility>

#include "base/bytes.h"

namespace consentry::app {

past_history::past_history(store_env& env) : lines_{env.open_table("tenant_past")} {}

void past_history::put(write_txn& txn, tenant_id tenant, std::uint64_t line,
                       std::string_view json) const {
  txn.put(lines_, byte_writer{}.be32(tenant.value).be64(line).bytes(), json);
}

std::vector<std::string> past_history::page(const read_txn& txn, tenant_id tenant, std::size_t rows,
                                            std::string& resume) const {
  std::vector<std::string> out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  const auto from = std::exchange(resume, {});
  auto at = txn.scan(lines_);
  for (bool ok = at.seek(from.empty() ? prefix : from); ok && at.key().starts_with(prefix);
       ok = at.next()) {
    if (rows-- == 0) {
      resume = at.key();
      break;
    }
    out.emplace_back(at.value());
  }
  return out;
}

}  // namespace consentry::app
