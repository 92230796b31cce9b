#include "policy/consent/consent_refusal.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/civil_date.h"
#include "base/log.h"
#include "base/text.h"
#include "policy/consent/consent_ledger.h"

namespace consentry::policy::consent {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> rules{{
    {"consent.erased", "D4"},
    {"import.topic_missing", "A1.2"},
    {"import.method_missing", "D2"},
    {"import.method_implicit", "A2.5.1"},
    {"import.provenance_missing", "D2"},
    {"import.provenance_forbidden", "A2.5.1"},
    {"import.evidence_missing", "A2.5.2"},
    {"import.given_at_missing", "D2"},
    {"import.given_at_unparsable", "A3"},
    {"import.given_at_future", "A3"},
    {"import.too_old", "A2.5.4"},
}};

std::uint32_t day_of(instant t) {
  const auto days = std::chrono::sys_days{budapest_day(t)}.time_since_epoch().count();
  return static_cast<std::uint32_t>(days);
}

}  // namespace

std::string_view rule_of_refusal(std::string_view reason) noexcept {
  const auto at = std::ranges::find(rules, reason, [](const auto& r) { return r.first; });
  return at == rules.end() ? std::string_view{"D1"} : at->second;
}

// A place among those of the day, taken by count_refusal().
bool consent_ledger::has_room_for_refusal(const read_txn& txn, tenant_id tenant, instant at) const {
  const auto bytes = txn.get(refusals_, byte_writer{}.be32(tenant.value).bytes());
  if (!bytes) return true;
  byte_reader in{*bytes};
  const auto day = in.be32();
  return day != day_of(at) || in.be32() < refusals_noted_a_day;
}

void consent_ledger::count_refusal(write_txn& txn, tenant_id tenant, instant at) const {
  const auto key = byte_writer{}.be32(tenant.value).take();
  std::uint32_t count = 0;
  if (const auto bytes = txn.get(refusals_, key)) {
    byte_reader in{*bytes};
    if (in.be32() == day_of(at)) count = in.be32();
  }
  ++count;
  if (count == refusals_noted_a_day)
    log::warn("policy/consent", "refusals_not_noted", {{"tenant", tenant.value}});
  txn.put(refusals_, key, byte_writer{}.be32(day_of(at)).be32(count).take());
}

bool consent_ledger::note_refused(write_txn& txn, const consent_refusal& what, const act& by,
                                  const std::map<std::string, std::string>& more) const {
  const auto& key = what.key;
  if (!has_room_for_refusal(txn, key.tenant, by.at)) return false;
  auto told = journal_->of_person(txn, key.tenant, key.person, refusals_noted_in_a_row);
  std::ranges::reverse(told);
  const auto other = std::ranges::find_if(told, [](const journal::entry& e) {
    return e.what.kind != journal::event_kind::consent_refused;
  });
  const auto in_a_row = static_cast<std::size_t>(other - told.begin());
  if (in_a_row >= refusals_noted_in_a_row ||
      std::any_of(told.begin(), other,
                  [&](const journal::entry& e) { return e.what.reason == what.reason; }))
    return false;
  journal::event e;
  e.kind = journal::event_kind::consent_refused;
  e.at = by.at;
  e.tenant = key.tenant;
  e.person = key.person;
  e.topic = printable(key.topic, refused_name_bytes_max);
  e.reason = what.reason;
  e.rule = rule_of_refusal(what.reason);
  e.actor = by.actor;
  e.facts = more;
  if (!key.sender.empty()) e.facts["sender"] = printable(key.sender, refused_name_bytes_max);
  journal_->append(txn, e);
  count_refusal(txn, key.tenant, by.at);
  return true;
}

}  // namespace consentry::policy::consent
