// The ledger as a whole: a tenant's rows page by page, and back again as they were.
#include "base/bytes.h"
#include "policy/consent/consent_ledger.h"

namespace consentry::policy::consent {
namespace {

constexpr std::size_t person_at = 4, person_bytes = 16;

std::string tenant_prefix(tenant_id tenant) {
  return byte_writer{}.be32(tenant.value).take();
}

// Calls take(key, value) for rows of the tenant; where to go on, empty at the end.
template <class Take>
std::string walk(const read_txn& txn, table t, tenant_id tenant, const std::string& resume,
                 std::size_t rows, Take take) {
  const auto prefix = tenant_prefix(tenant);
  auto at = txn.scan(t);
  for (bool ok = at.seek(resume.empty() ? prefix : resume); ok && at.key().starts_with(prefix);
       ok = at.next()) {
    if (rows-- == 0) return std::string{at.key()};
    take(at.key(), at.value());
  }
  return {};
}

}  // namespace

std::vector<listed_consent> consent_ledger::rows(const read_txn& txn, tenant_id tenant,
                                                 std::size_t count, std::string& resume) const {
  std::vector<listed_consent> out;
  resume = walk(txn, consents_, tenant, resume, count, [&](auto key, auto value) {
    listed_consent c;
    c.record = to_record(view(txn, tenant, value));
    c.key = {tenant, std::string{key.substr(person_at, person_bytes)}, c.record.sender,
             c.record.topic};
    c.all_topics = key.ends_with(std::string_view{"\0\0\0\0\0\0\0\0", 8});
    out.push_back(std::move(c));
  });
  return out;
}

std::vector<listed_person> consent_ledger::person_rows(const read_txn& txn, tenant_id tenant,
                                                       std::size_t count,
                                                       std::string& resume) const {
  std::vector<listed_person> out;
  resume = walk(txn, persons_, tenant, resume, count, [&](auto key, auto value) {
    out.push_back({std::string{key.substr(person_at, person_bytes)}, decode_person(value)});
  });
  return out;
}

void consent_ledger::restore(write_txn& txn, const listed_consent& c) const {
  auto key = stored_key(c.key);
  if (c.all_topics) key.replace(person_at + person_bytes, 8, 8, '\0');
  store(txn, key, c.record);
}

}  // namespace consentry::policy::consent
