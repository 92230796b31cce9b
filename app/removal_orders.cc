#include "app/removal_orders.h"

#include "base/bytes.h"

namespace consentry::app {
namespace {

constexpr std::uint8_t version = 1;

std::string key_of(tenant_id tenant) {
  return byte_writer{}.be32(tenant.value).take();
}

std::string encode(const removal_order& o) {
  byte_writer out;
  out.u8(version)
      .text(o.name)
      .text(o.reason)
      .text(o.actor)
      .zigzag(to_ms(o.begun_at))
      .zigzag(to_ms(o.queue_rows_after))
      .varint(o.rows)
      .varint(o.domains.size());
  for (const auto& d : o.domains) out.text(d);
  return out.take();
}

removal_order decode(std::string_view key, std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("removal order: unknown version");
  removal_order o;
  o.tenant = {byte_reader{key}.be32()};
  o.name = in.text();
  o.reason = in.text();
  o.actor = in.text();
  o.begun_at = from_ms(in.zigzag());
  o.queue_rows_after = from_ms(in.zigzag());
  o.rows = in.varint();
  for (auto n = in.varint(); n > 0; --n) o.domains.emplace_back(in.text());
  if (!in.at_end()) throw decode_error("removal order: bytes behind it");
  return o;
}

}  // namespace

removal_orders::removal_orders(store_env& env) : orders_{env.open_table("tenant_removals")} {}

void removal_orders::put(write_txn& txn, const removal_order& o) const {
  txn.put(orders_, key_of(o.tenant), encode(o));
}

bool removal_orders::erase(write_txn& txn, tenant_id tenant) const {
  return txn.erase(orders_, key_of(tenant));
}

std::vector<removal_order> removal_orders::all(const read_txn& txn) const {
  std::vector<removal_order> out;
  for (auto c = txn.scan(orders_); c.next();) out.push_back(decode(c.key(), c.value()));
  return out;
}

}  // namespace consentry::app
