#include "policy/consent/terms_table.h"

#include "base/bytes.h"

namespace consentry::policy::consent {

namespace {

constexpr std::size_t cached_max = 1U << 15;

std::string key_of(tenant_id tenant, terms_id id) {
  return byte_writer{}
      .be32(tenant.value)
      .be16(static_cast<std::uint16_t>(id >> 32))
      .be32(static_cast<std::uint32_t>(id))
      .take();
}

// The id is a hash already.
std::size_t hash_of(tenant_id tenant, terms_id id) noexcept {
  return static_cast<std::size_t>(id ^ std::uint64_t{tenant.value} * 0x9E3779B97F4A7C15U);
}

std::uint64_t count_of(const read_txn& txn, table t, tenant_id tenant) {
  const auto bytes = txn.get(t, key_of(tenant, 0));
  return bytes ? byte_reader{*bytes}.varint() : 0;
}

}  // namespace

terms_table::terms_table(store_env& env, options o)
    : options_{o}, terms_{env.open_table("consent_terms")}, cache_{cached_max} {}

const consent_terms* terms_table::find(const read_txn& txn, tenant_id tenant, terms_id id,
                                       std::shared_ptr<const consent_terms>& kept) const {
  const auto hash = hash_of(tenant, id);
  const auto is_it = [&](const cached& c) { return c.id == id && c.tenant == tenant; };
  if (const auto* known = cache_.find(hash, is_it)) return &known->terms;
  const auto bytes = txn.get(terms_, key_of(tenant, id));
  if (!bytes) throw decode_error{"a consent record names terms that are not there"};
  auto terms = decode_terms(*bytes);
  if (const auto* known = cache_.add(hash, {tenant, id, terms}, is_it)) return &known->terms;
  kept = std::make_shared<const consent_terms>(std::move(terms));
  return kept.get();
}

terms_id terms_table::intern(write_txn& txn, tenant_id tenant, const consent_record& r) const {
  const auto bytes = encode(terms_of(r));
  if (bytes.size() > options_.bytes_max) return 0;
  const auto id = id_of_terms(bytes);
  const auto key = key_of(tenant, id);
  // Other terms under the same 48 bits: the record keeps its own.
  if (const auto stored = txn.get(terms_, key)) return *stored == bytes ? id : 0;
  const auto count = count_of(txn, terms_, tenant);
  if (count >= options_.per_tenant_max) return 0;
  txn.put(terms_, key, bytes);
  txn.put(terms_, key_of(tenant, 0), byte_writer{}.varint(count + 1).bytes());
  return id;
}

}  // namespace consentry::policy::consent
