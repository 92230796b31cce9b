#include "policy/tenants/exemption_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"

namespace consentry::policy::tenants {
namespace {

failure no(failure_kind kind, std::string text) {
  return {.kind = kind, .permanent = true, .public_text = std::move(text)};
}

std::string key_of(tenant_id tenant, std::uint32_t number) {
  return byte_writer{}.be32(tenant.value).be32(number).take();
}

result<void> check(const exemption& x) {
  if (auto ok = check_exemptible(x.category); !ok) return ok.error();
  if (x.reason.empty()) return no(failure_kind::invalid, "reason: is missing");
  if (x.approver.empty()) return no(failure_kind::invalid, "approver: is missing");
  const auto today = budapest_day(x.granted_at);
  if (!x.last_day.ok() || x.last_day < today ||
      x.last_day > add_months(today, exemption_months_max))
    return no(
        failure_kind::invalid,
        fmt::format("until: a day from today on, at most {} months ahead", exemption_months_max));
  return {};
}

journal::event act(tenant_id tenant, const exemption& x, const char* what, std::string_view reason,
                   std::string_view actor, instant at) {
  journal::event e;
  e.kind = journal::event_kind::desk_act;
  e.at = at;
  e.tenant = tenant;
  e.reason = reason;
  e.rule = "A6";
  e.actor = actor;
  e.facts = {{"act", what},
             {"exemption", exemption_id(x.number)},
             {"category", x.category},
             {"until", to_string(x.last_day)}};
  return e;
}

}  // namespace

exemption_store::exemption_store(store_env& env, const journal::event_journal& journal)
    : exemptions_{env.open_table("exemptions")}, journal_{journal} {}

result<granted_exemption> exemption_store::grant(write_txn& txn, tenant_id tenant,
                                                 exemption wanted) const {
  if (auto ok = check(wanted); !ok) return ok.error();
  const auto known = all(txn, tenant);
  for (const auto& x : known)
    if (!x.ended_at && x.counts_at(wanted.granted_at) && x.category == wanted.category &&
        x.last_day == wanted.last_day && x.reason == wanted.reason && x.approver == wanted.approver)
      return granted_exemption{.what = x, .is_new = false};
  wanted.number = known.empty() ? 1 : known.back().number + 1;
  wanted.ended_at.reset();
  restore(txn, tenant, wanted);
  journal_.append(txn, act(tenant, wanted, "exemption.grant", wanted.reason, wanted.approver,
                           wanted.granted_at));
  return granted_exemption{.what = std::move(wanted)};
}

result<exemption> exemption_store::end(write_txn& txn, tenant_id tenant, std::uint32_t number,
                                       std::string_view reason, std::string_view actor,
                                       instant at) const {
  if (reason.empty()) return no(failure_kind::invalid, "reason: is missing");
  const auto bytes = txn.get(exemptions_, key_of(tenant, number));
  if (!bytes) return no(failure_kind::not_found, "no such exemption");
  auto x = decode_exemption(number, *bytes);
  if (x.ended_at) return x;
  if (budapest_day(at) > x.last_day)
    return no(failure_kind::conflict, "it is over since the end of " + to_string(x.last_day));
  x.ended_at = at;
  x.ended_by = actor;
  x.end_reason = reason;
  restore(txn, tenant, x);
  journal_.append(txn, act(tenant, x, "exemption.end", reason, actor, at));
  return x;
}

void exemption_store::restore(write_txn& txn, tenant_id tenant, const exemption& x) const {
  txn.put(exemptions_, key_of(tenant, x.number), encode(x));
}

std::vector<exemption> exemption_store::all(const read_txn& txn, tenant_id tenant) const {
  std::vector<exemption> out;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  auto c = txn.scan(exemptions_);
  for (bool more = c.seek(prefix); more && c.key().starts_with(prefix); more = c.next()) {
    byte_reader key{c.key()};
    key.be32();
    out.push_back(decode_exemption(key.be32(), c.value()));
  }
  return out;
}

}  // namespace consentry::policy::tenants
