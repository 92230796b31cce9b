#include "queue/tls_demand.h"

#include <algorithm>

#include "base/text.h"

namespace consentry::queue {
namespace {

using smtp::tls_wish;
using smtp::client::peer_check;
using smtp::client::tls_fault;
using smtp::client::tls_mode;
using smtp::security::tls_policy_kind;

smtp::outcome not_now(std::string cause) {
  smtp::outcome o;
  // Of this domain's mail: others may use the same hosts.
  o.scope = smtp::outcome_scope::recipient;
  o.last_reply.enhanced = {4, 7, 5};
  o.cause = std::move(cause);
  return o;
}

void by_dane(host_plan& plan, const std::string& domain, const std::string& host,
             const smtp::dns::dane_records& records) {
  plan.mode = tls_mode::required;
  plan.policy = tls_policy_kind::tlsa;
  // RFC 7672 section 2.2: records that cannot be used still forbid clear text.
  if (records.usable.empty()) return;
  plan.check.how = peer_check::by::dane;
  plan.check.label = "dane";
  plan.check.tlsa = records.usable;
  // Section 3.2.2: the TLSA base domain, the next-hop domain, the MX host.
  for (const auto& name : {records.base, domain, host})
    if (std::find(plan.check.names.begin(), plan.check.names.end(), name) == plan.check.names.end())
      plan.check.names.push_back(name);
}

void by_certificate(host_plan& plan, const std::string& host, std::string label) {
  plan.check.how = peer_check::by::certificate;
  plan.check.names = {host};
  plan.check.label = std::move(label);
}

void by_sts(host_plan& plan, const tls_demand& demand, const std::string& host) {
  plan.policy = tls_policy_kind::sts;
  by_certificate(plan, host, "mta-sts");
  const bool fits = matches(*demand.sts, host);
  if (!fits) plan.refusal_kind = "validation-failure";
  if (!demand.enforces_sts()) {  // testing: told, not minded
    plan.check.is_enforced = false;
    return;
  }
  plan.mode = tls_mode::required;
  if (!fits)
    plan.refusal = not_now("the MTA-STS policy of the domain does not name the host " + host);
}

// RFC 8689 section 4.2.1: the name of the host must be known securely, then be proved.
void for_requiretls(host_plan& plan, const tls_demand& demand, const std::string& host) {
  plan.must_offer_requiretls = true;
  plan.mode = tls_mode::required;
  const bool is_name_sure =
      demand.is_mx_secure || demand.is_routed || (demand.sts && matches(*demand.sts, host));
  if (!is_name_sure && !plan.refusal) {
    plan.refusal = not_now("neither DNSSEC nor MTA-STS vouches for the host " + host);
    explain(*plan.refusal, tls_fault::none, plan, demand.wish);
  }
  if (plan.check.how == peer_check::by::nothing) by_certificate(plan, host, "certificate");
  plan.check.is_enforced = true;
}

}  // namespace

std::string tls_demand::strength() const {
  std::string s;
  if (minds_dane()) s += 's';
  if (enforces_sts()) s += 't';
  if (wish == tls_wish::required) s += 'r';
  return s;
}

bool is_required_host(const tls_rules& rules, std::string_view host) noexcept {
  const auto fits = [host](const std::string& suffix) {
    return host == suffix || (host.size() > suffix.size() && host.ends_with(suffix) &&
                              host[host.size() - suffix.size() - 1] == '.');
  };
  return std::any_of(rules.required_hosts.begin(), rules.required_hosts.end(), fits);
}

host_plan plan_for(const tls_rules& rules, const tls_demand& demand, const std::string& domain,
                   const std::string& host, const result<smtp::dns::dane_records>& dane) {
  host_plan plan;
  plan.mode = is_required_host(rules, host) ? tls_mode::required : rules.mode;
  const bool minds_dane = demand.minds_dane();
  if (minds_dane && !dane) {
    plan.policy = tls_policy_kind::tlsa;
    plan.refusal_kind = "dnssec-invalid";
    plan.refusal =
        not_now("the TLSA records of " + host + " cannot be had: " + dane.error().private_cause);
  } else if (minds_dane && dane->has_any) {
    by_dane(plan, domain, host, *dane);
    if (dane->usable.empty()) plan.refusal_kind = "tlsa-invalid";
  } else if (demand.sts && demand.sts->mode != smtp::security::sts_mode::none &&
             demand.wish != tls_wish::waived) {
    by_sts(plan, demand, host);
  }
  if (demand.wish == tls_wish::required) for_requiretls(plan, demand, host);
  return plan;
}

bool proves_host(const peer_check& check, std::string_view host,
                 const smtp::client::peer_verdict& verdict) noexcept {
  const auto is_of = [&](std::string_view name) {
    const std::string_view matched = verdict.matched_name;
    if (!matched.starts_with("*.")) return matched == name;
    const auto dot = name.find('.');
    return dot != std::string_view::npos && name.substr(dot) == matched.substr(1);
  };
  if (!verdict.matched_name.empty()) return is_of(host) || is_of(check.names.front());
  // No name had to match; but a session that was taken up again no longer tells which did.
  const auto minds_names = [](const smtp::dns::tlsa_record& r) { return r.usage == 2; };
  return !verdict.is_resumed || std::none_of(check.tlsa.begin(), check.tlsa.end(), minds_names);
}

void explain(smtp::outcome& problem, tls_fault fault, const host_plan& plan, tls_wish wish) {
  // A handshake that broke may succeed later; what a host offers and proves is its word.
  if (wish == tls_wish::required && fault != tls_fault::handshake) {
    problem.kind = smtp::outcome_kind::deferred;
    problem.scope = smtp::outcome_scope::recipient;
    problem.last_reply = {0, {5, 7, 30}, {}};
    problem.cause = "REQUIRETLS cannot be kept: " + problem.cause;
    return;
  }
  if (plan.policy != tls_policy_kind::none) problem.scope = smtp::outcome_scope::recipient;
  if (problem.last_reply.code != 0) return;
  problem.last_reply.enhanced =
      fault == tls_fault::not_offered ? smtp::enhanced_code{4, 7, 4} : smtp::enhanced_code{4, 7, 5};
  problem.cause += std::string{" ("} + std::string{to_string(fault)} +
                   (plan.check.label.empty() ? "" : ", " + plan.check.label) + ")";
}

}  // namespace consentry::queue
