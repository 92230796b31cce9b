#include "policy/consent/terms_table.h"

#include <algorithm>

#include "base/bytes.h"

namespace consentry::policy::consent {

namespace {

constexpr std::size_t slots = 1U << 15;
constexpr std::size_t probes = 8;

std::string key_of(tenant_id tenant, terms_id id) {
  return byte_writer{}
      .be32(tenant.value)
      .be16(static_cast<std::uint16_t>(id >> 32))
      .be32(static_cast<std::uint32_t>(id))
      .take();
}

std::size_t slot_of(tenant_id tenant, terms_id id, std::size_t probe) noexcept {
  // The id is a hash already.
  return (static_cast<std::size_t>(id ^ std::uint64_t{tenant.value} * 0x9E3779B97F4A7C15U) +
          probe) %
         slots;
}

std::uint64_t count_of(const read_txn& txn, table t, tenant_id tenant) {
  const auto bytes = txn.get(t, key_of(tenant, 0));
  return bytes ? byte_reader{*bytes}.varint() : 0;
}

}  // namespace

terms_table::terms_table(store_env& env, options o)
    : options_{o}, terms_{env.open_table("consent_terms")}, slots_(slots) {}

terms_table::~terms_table() {
  for (auto& s : slots_) delete s.load();
}

const consent_terms* terms_table::find_cached(tenant_id tenant, terms_id id) const noexcept {
  for (std::size_t i = 0; i < probes; ++i) {
    const auto* c = slots_[slot_of(tenant, id, i)].load(std::memory_order_acquire);
    if (c == nullptr) return nullptr;
    if (c->id == id && c->tenant == tenant) return &c->terms;
  }
  return nullptr;
}

const consent_terms* terms_table::keep(tenant_id tenant, terms_id id,
                                       const consent_terms& t) const {
  std::lock_guard lock{adding_};
  if (const auto* known = find_cached(tenant, id)) return known;
  for (std::size_t i = 0; i < probes; ++i) {
    auto& slot = slots_[slot_of(tenant, id, i)];
    if (slot.load(std::memory_order_relaxed) != nullptr) continue;
    auto made = std::make_unique<const cached>(cached{tenant, id, t});
    const auto* terms = &made->terms;
    slot.store(made.release(), std::memory_order_release);
    return terms;
  }
  return nullptr;
}

const consent_terms* terms_table::find(const read_txn& txn, tenant_id tenant, terms_id id,
                                       std::shared_ptr<const consent_terms>& kept) const {
  if (const auto* known = find_cached(tenant, id)) return known;
  const auto bytes = txn.get(terms_, key_of(tenant, id));
  if (!bytes) throw decode_error{"a consent record names terms that are not there"};
  auto terms = decode_terms(*bytes);
  if (const auto* cached = keep(tenant, id, terms)) return cached;
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

std::uint64_t terms_table::erase_unused(write_txn& txn, tenant_id tenant,
                                        const std::vector<terms_id>& used_sorted) const {
  std::vector<std::string> unused;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  std::uint64_t kept = 0;
  {
    auto at = txn.scan(terms_);
    for (bool ok = at.seek(key_of(tenant, 1)); ok && at.key().starts_with(prefix); ok = at.next()) {
      byte_reader in{at.key().substr(prefix.size())};
      const terms_id high = in.be16();
      const terms_id id = high << 32 | in.be32();
      if (std::ranges::binary_search(used_sorted, id)) {
        ++kept;
      } else {
        unused.emplace_back(at.key());
      }
    }
  }
  for (const auto& key : unused) txn.erase(terms_, key);
  if (!unused.empty()) txn.put(terms_, key_of(tenant, 0), byte_writer{}.varint(kept).bytes());
  return unused.size();
}

}  // namespace consentry::policy::consent
