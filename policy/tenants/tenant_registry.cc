#include "policy/tenants/tenant_registry.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/text.h"
#include "smtp/address.h"

namespace consentry::policy::tenants {
namespace {

using journal::event;
using journal::event_kind;

std::string id_key(tenant_id id) {
  return byte_writer{}.be32(id.value).take();
}

failure no(failure_kind kind, std::string text) {
  return {.kind = kind, .permanent = true, .public_text = std::move(text)};
}
failure no_tenant() {
  return no(failure_kind::not_found, "no such tenant");
}

// The store takes keys of 1 to 511 bytes; what cannot be a name must not reach it.
bool may_be_key(std::string_view s) noexcept {
  return !s.empty() && s.size() <= 255;
}

event event_of(event_kind kind, tenant_id tenant, std::string_view actor, instant at) {
  return {.kind = kind, .at = at, .tenant = tenant, .actor = std::string{actor}};
}

bool is_selector(std::string_view s) noexcept {
  return !s.empty() && s.size() <= 63 && std::ranges::all_of(s, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

}  // namespace

tenant_registry::tenant_registry(store_env& env, const journal::event_journal& journal)
    : journal_{journal},
      tenants_{env.open_table("tenants")},
      names_{env.open_table("tenant_names")},
      credentials_{env.open_table("credentials")},
      domains_{env.open_table("sender_domains")},
      contact_tokens_{env.open_table("contact_tokens")},
      meta_{env.open_table("meta")} {}

void tenant_registry::store(write_txn& txn, const tenant& t) const {
  txn.put(tenants_, id_key(t.id), encode(t));
}

result<tenant> tenant_registry::add_tenant(write_txn& txn, const tenant& wanted,
                                           std::string_view actor, instant at) const {
  if (auto r = validate(wanted); !r) return r.error();
  if (txn.get(names_, wanted.name)) return no(failure_kind::conflict, "the name is taken");
  tenant t = wanted;
  t.id = next_id(txn);
  t.state = tenant_state::pending;
  t.contact_confirmed_at = t.contact_token_expires_at = {};
  t.contact_confirmed_by.clear();
  t.contact_token_hash.clear();
  t.ended_because = termination_reason::none;
  t.created_at = t.state_since = at;
  t.pseudonym_key = random_bytes(32);
  store(txn, t);
  txn.put(names_, t.name, id_key(t.id));
  auto e = event_of(event_kind::tenant_added, t.id, actor, at);
  e.facts = {{"name", t.name}, {"legal_name", t.legal_name}};
  journal_.append(txn, e);
  return t;
}

result<tenant> tenant_registry::change_state(write_txn& txn, tenant_id id, tenant_state to,
                                             std::string_view reason, std::string_view actor,
                                             instant at, termination_reason why_ended) const {
  auto t = find_tenant(txn, id);
  if (!t) return no_tenant();
  if (trim(reason).empty()) return no(failure_kind::invalid, "a reason is needed");
  const bool ends = to == tenant_state::terminated;
  if (ends != (why_ended != termination_reason::none))
    return no(failure_kind::invalid,
              ends ? "a contract ends for one of: over30_overdue, grave_breach, reputation_harm, "
                     "false_data, by_tenant"
                   : "only the end of a contract has such a reason");
  if (t->state == to) return *t;
  if (!may_change(t->state, to))
    return no(failure_kind::refused, "a tenant that is " + std::string{to_string(t->state)} +
                                         " cannot become " + std::string{to_string(to)});
  auto e = event_of(event_kind::tenant_changed, id, actor, at);
  e.reason = reason;
  e.facts = {{"from", std::string{to_string(t->state)}}, {"to", std::string{to_string(to)}}};
  const bool opens = to == tenant_state::active || to == tenant_state::overdue;
  if (opens && (t->state == tenant_state::pending || !t->is_contact_confirmed())) {
    e.rule = "A2.1";
    e.facts["vouched_by"] = actor;
    if (!t->is_contact_confirmed()) {
      t->contact_confirmed_at = at;
      t->contact_confirmed_by = actor;
    }
  }
  if (ends) {
    e.rule = "A2.12";
    e.facts["ended_because"] = to_string(why_ended);
    t->ended_because = why_ended;
  }
  t->state = to;
  t->state_since = at;
  store(txn, *t);
  journal_.append(txn, e);
  return *t;
}

result<void> tenant_registry::add_credential(write_txn& txn, const credential& c,
                                             std::string_view actor, instant at) const {
  if (auto r = validate(c); !r) return r;
  if (!find_tenant(txn, c.tenant)) return no_tenant();
  if (txn.get(credentials_, c.user)) return no(failure_kind::conflict, "the user name is taken");
  auto stored = c;
  stored.created_at = at;
  txn.put(credentials_, c.user, encode(stored));
  auto e = event_of(event_kind::credential_added, c.tenant, actor, at);
  e.stream = c.stream;
  e.campaign = c.campaign;
  e.topic = c.topic;
  e.facts = {{"credential", c.user}};
  journal_.append(txn, e);
  return {};
}

result<void> tenant_registry::change_credential(write_txn& txn, std::string_view user,
                                                const credential_change& change,
                                                std::string_view actor, instant at) const {
  const auto bytes = may_be_key(user) ? txn.get(credentials_, user) : std::nullopt;
  if (!bytes) return no(failure_kind::not_found, "no such credential");
  auto c = decode_credential(user, *bytes);
  auto e = event_of(event_kind::credential_changed, c.tenant, actor, at);
  e.facts["credential"] = c.user;
  if (change.active) {
    c.active = *change.active;
    e.facts["active"] = c.active ? "yes" : "no";
  }
  if (change.scram) {
    if (auto r = validate(*change.scram); !r) return r;
    c.scram = *change.scram;
    e.facts["password"] = "changed";
  }
  txn.put(credentials_, c.user, encode(c));
  journal_.append(txn, e);
  return {};
}

result<sender_domain> tenant_registry::add_domain(write_txn& txn, tenant_id owner,
                                                  std::string_view domain,
                                                  std::string_view dkim_selector,
                                                  std::string_view actor, instant at) const {
  auto name = smtp::ascii_domain(domain);
  if (!name) return name.error();
  // A top-level domain would make its owner the master of all names below it.
  if (name->find('.') == std::string::npos)
    return no(failure_kind::invalid, "domain: at least two labels");
  if (!is_selector(dkim_selector))
    return no(failure_kind::invalid, "selector: 1 to 63 characters of A-Z, a-z, 0-9, - and _");
  if (!find_tenant(txn, owner)) return no_tenant();
  if (const auto bytes = txn.get(domains_, *name)) {
    const auto old = decode_sender_domain(*name, *bytes);
    if (old.tenant == owner) return no(failure_kind::conflict, "the domain is there already");
    if (old.is_verified())
      return no(failure_kind::conflict, "the domain is verified for another tenant");
    auto e = event_of(event_kind::domain_changed, old.tenant, actor, at);
    e.facts = {{"domain", *name}, {"claim", "given up"}};
    journal_.append(txn, e);
  }
  const sender_domain d{.domain = *name,
                        .tenant = owner,
                        .added_at = at,
                        .dns_token = base32(random_bytes(20)),
                        .dkim_selector = std::string{dkim_selector}};
  txn.put(domains_, d.domain, encode(d));
  auto e = event_of(event_kind::domain_added, owner, actor, at);
  e.facts = {{"domain", d.domain}, {"selector", d.dkim_selector}};
  journal_.append(txn, e);
  return d;
}

result<sender_domain> tenant_registry::verify_domain(write_txn& txn, tenant_id owner,
                                                     std::string_view domain, domain_proof proof,
                                                     std::string_view actor, instant at,
                                                     std::string_view token) const {
  const auto name = smtp::ascii_domain(domain);
  if (!name) return name.error();
  if (proof == domain_proof::none) return no(failure_kind::invalid, "a proof is needed");
  const auto known = own_domain(txn, owner, *name);
  if (!known || (!token.empty() && token != known->dns_token))
    return no(failure_kind::not_found, "no such domain");
  auto d = *known;
  if (d.is_verified() && (d.verified_by == proof || proof != domain_proof::dns_token)) return d;
  d.verified_by = proof;
  d.verified_at = at;
  txn.put(domains_, d.domain, encode(d));
  auto e = event_of(event_kind::domain_changed, owner, actor, at);
  e.facts = {{"domain", d.domain}, {"verified_by", std::string{to_string(proof)}}};
  journal_.append(txn, e);
  activate_if_ready(txn, owner, at);
  return d;
}

std::optional<sender_domain> tenant_registry::find_domain(const read_txn& txn,
                                                          std::string_view ascii) const {
  const auto bytes = may_be_key(ascii) ? txn.get(domains_, ascii) : std::nullopt;
  if (!bytes) return std::nullopt;
  return decode_sender_domain(ascii, *bytes);
}

std::optional<tenant> tenant_registry::find_tenant(const read_txn& txn, tenant_id id) const {
  const auto bytes = txn.get(tenants_, id_key(id));
  if (!bytes) return std::nullopt;
  return decode_tenant(*bytes);
}

std::optional<tenant> tenant_registry::find_tenant_named(const read_txn& txn,
                                                         std::string_view name) const {
  const auto key = may_be_key(name) ? txn.get(names_, name) : std::nullopt;
  if (!key) return std::nullopt;
  return find_tenant(txn, {byte_reader{*key}.be32()});
}

std::shared_ptr<const tenant_directory> tenant_registry::load(const read_txn& txn) const {
  std::vector<tenant> tenants;
  std::vector<credential> credentials;
  std::vector<sender_domain> domains;
  for (auto c = txn.scan(tenants_); c.next();) tenants.push_back(decode_tenant(c.value()));
  for (auto c = txn.scan(credentials_); c.next();)
    credentials.push_back(decode_credential(c.key(), c.value()));
  for (auto c = txn.scan(domains_); c.next();)
    domains.push_back(decode_sender_domain(c.key(), c.value()));
  return std::make_shared<const tenant_directory>(std::move(tenants), std::move(credentials),
                                                  std::move(domains));
}

}  // namespace consentry::policy::tenants
