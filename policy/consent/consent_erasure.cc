// What RULES D4 and GDPR article 17 take away, and what stays so that it does not come back.
#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "policy/consent/consent_ledger.h"

namespace consentry::policy::consent {
namespace {

std::string all_of(tenant_id tenant, std::string_view person) {
  CONSENTRY_CHECK(person.size() == 16);
  return byte_writer{}.be32(tenant.value).raw(person).take();
}

std::string tombstone_key(tenant_id tenant, std::string_view person) {
  return byte_writer{}.raw(all_of(tenant, person)).be64(0).take();
}

bool is_tombstone(const consent_record& r) {
  return r.withdrawn_at &&
         (r.withdrawn_method == erased_method || r.withdrawn_method == corrected_method);
}

}  // namespace

consent_ledger::erased consent_ledger::erase_person(write_txn& txn, tenant_id tenant,
                                                    std::string_view person, instant at,
                                                    std::string_view why, std::string_view reason,
                                                    const act& by) const {
  erased out;
  const auto prefix = all_of(tenant, person);
  const auto stone_key = tombstone_key(tenant, person);
  consent_record stone;
  stone.withdrawn_at = at;
  stone.withdrawn_method = why;
  std::vector<std::string> gone;
  {
    auto c = txn.scan(consents_);
    for (bool ok = c.seek(prefix); ok && c.key().starts_with(prefix); ok = c.next()) {
      if (c.key() != stone_key) {
        gone.emplace_back(c.key());
        continue;
      }
      // A withdrawal from everything, or an earlier erasure: the later time stands.
      const auto before = to_record(view(txn, tenant, c.value()));
      if (before.withdrawn_at) stone.withdrawn_at = std::max(at, *before.withdrawn_at);
      out.tombstone = before.withdrawn_at && is_tombstone(before) && *before.withdrawn_at >= at;
    }
  }
  out.tombstone = !out.tombstone;
  for (const auto& key : gone) txn.erase(consents_, key);
  out.consents = gone.size();
  out.person = txn.erase(persons_, prefix);
  if (!out.is_news()) return out;
  store(txn, stone_key, stone);
  journal::event e;
  e.kind = journal::event_kind::consent_erased;
  e.at = by.at;
  e.tenant = tenant;
  e.person = person;
  e.reason = reason;
  e.rule = "D4";
  e.actor = by.actor;
  e.facts["method"] = why;
  e.facts["erased_at"] = to_string_utc(at);
  e.facts["consents"] = std::to_string(out.consents);
  journal_->append(txn, e);
  return out;
}

void consent_ledger::replace_person(write_txn& txn, tenant_id tenant, std::string_view person,
                                    const person_record& p) const {
  txn.put(persons_, all_of(tenant, person), encode(p));
}

bool consent_ledger::is_erased(const read_txn& txn, tenant_id tenant, std::string_view person,
                               std::optional<instant> given_at) const {
  const auto bytes = txn.get(consents_, tombstone_key(tenant, person));
  if (!bytes) return false;
  const auto stone = to_record(view(txn, tenant, *bytes));
  return is_tombstone(stone) && (!given_at || *given_at <= *stone.withdrawn_at);
}

}  // namespace consentry::policy::consent
