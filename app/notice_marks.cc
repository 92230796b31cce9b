#include "app/notice_marks.h"

#include "base/bytes.h"
#include "base/secret.h"

namespace consentry::app {
namespace {

std::string position_key() {
  return byte_writer{}.be32(0).take();
}

std::string matter_key(tenant_id tenant, std::string_view matter) {
  const auto digest = sha256(matter);
  return byte_writer{}.be32(tenant.value).raw(as_bytes(digest).substr(0, 16)).take();
}

std::string number(std::uint64_t n) {
  return byte_writer{}.be64(n).take();
}

}  // namespace

notice_marks::notice_marks(store_env& env) : marks_{env.open_table("tenant_notices")} {}

journal_seq notice_marks::next(const read_txn& txn) const {
  const auto bytes = txn.get(marks_, position_key());
  return {bytes ? byte_reader{*bytes}.be64() : 1};
}

void notice_marks::set_next(write_txn& txn, journal_seq seq) const {
  txn.put(marks_, position_key(), number(seq.value));
}

std::optional<instant> notice_marks::told(const read_txn& txn, tenant_id tenant,
                                          std::string_view matter) const {
  const auto bytes = txn.get(marks_, matter_key(tenant, matter));
  if (!bytes) return std::nullopt;
  return from_ms(static_cast<std::int64_t>(byte_reader{*bytes}.be64()));
}

void notice_marks::set_told(write_txn& txn, tenant_id tenant, std::string_view matter,
                            instant at) const {
  txn.put(marks_, matter_key(tenant, matter), number(static_cast<std::uint64_t>(to_ms(at))));
}

}  // namespace consentry::app
