// The registry's half that opens and ends a tenant's life: contact link, activation, removal, and
// the return from an export.
#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/civil_date.h"
#include "base/text.h"
#include "policy/tenants/tenant_registry.h"
#include "smtp/address.h"

namespace consentry::policy::tenants {
namespace {

using journal::event;
using journal::event_kind;

constexpr std::size_t token_hash_bytes = 32;
constexpr std::string_view last_tenant_key = "last_tenant";

std::string id_key(tenant_id id) {
  return byte_writer{}.be32(id.value).take();
}

failure no(failure_kind kind, std::string text) {
  return {.kind = kind, .permanent = true, .public_text = std::move(text)};
}

event changed(tenant_id tenant, std::string_view actor, instant at) {
  return {.kind = event_kind::tenant_changed,
          .at = at,
          .tenant = tenant,
          .rule = "A2.1",
          .actor = std::string{actor}};
}

}  // namespace

tenant_id tenant_registry::next_id(write_txn& txn) const {
  tenant_id id{1};
  // A store of before tenants could be removed has no counter: there the highest was the last.
  if (const auto last = txn.get(meta_, last_tenant_key)) id.value = byte_reader{*last}.be32() + 1;
  if (auto c = txn.scan(tenants_); c.last())
    id.value = std::max(id.value, byte_reader{c.key()}.be32() + 1);
  txn.put(meta_, last_tenant_key, id_key(id));
  return id;
}

result<tenant> tenant_registry::issue_contact_token(write_txn& txn, tenant_id id,
                                                    std::string_view token_hash, instant expires_at,
                                                    std::string_view actor, instant at) const {
  CONSENTRY_CHECK(token_hash.size() == token_hash_bytes);
  auto t = find_tenant(txn, id);
  if (!t) return no(failure_kind::not_found, "no such tenant");
  if (t->state == tenant_state::terminated)
    return no(failure_kind::refused, "the contract has ended");
  if (t->is_contact_confirmed())
    return no(failure_kind::conflict, "the contact address is confirmed already");
  if (!t->contact_token_hash.empty()) txn.erase(contact_tokens_, t->contact_token_hash);
  t->contact_token_hash = token_hash;
  t->contact_token_expires_at = expires_at;
  store(txn, *t);
  txn.put(contact_tokens_, token_hash, id_key(id));
  auto e = changed(id, actor, at);
  e.facts = {{"contact_link", "sent"}, {"expires", to_string_utc(expires_at)}};
  journal_.append(txn, e);
  return *t;
}

std::optional<tenant> tenant_registry::find_by_contact_token(const read_txn& txn,
                                                             std::string_view token_hash,
                                                             instant at) const {
  if (token_hash.size() != token_hash_bytes) return std::nullopt;
  const auto key = txn.get(contact_tokens_, token_hash);
  if (!key) return std::nullopt;
  auto t = find_tenant(txn, {byte_reader{*key}.be32()});
  if (!t || t->contact_token_hash != token_hash || t->contact_token_expires_at <= at ||
      t->state == tenant_state::terminated)
    return std::nullopt;
  return t;
}

result<tenant> tenant_registry::confirm_contact(write_txn& txn, std::string_view token_hash,
                                                instant at) const {
  auto t = find_by_contact_token(txn, token_hash, at);
  if (!t) return no(failure_kind::not_found, "the link is not valid or its time is over");
  if (t->is_contact_confirmed()) return *t;
  t->contact_confirmed_at = at;
  t->contact_confirmed_by = "contact_link";
  store(txn, *t);
  auto e = changed(t->id, "contact_link", at);
  e.facts = {{"contact", "confirmed"}};
  journal_.append(txn, e);
  return activate_if_ready(txn, t->id, at);
}

tenant tenant_registry::activate_if_ready(write_txn& txn, tenant_id id, instant at) const {
  auto t = find_tenant(txn, id);
  CONSENTRY_CHECK(t.has_value());
  if (t->state != tenant_state::pending || !t->is_contact_confirmed()) return *t;
  std::string proven;
  for (auto c = txn.scan(domains_); c.next();) {
    const auto d = decode_sender_domain(c.key(), c.value());
    if (d.tenant == id && d.is_verified()) proven = d.domain;
  }
  if (proven.empty()) return *t;
  t->state = tenant_state::active;
  t->state_since = at;
  store(txn, *t);
  auto e = changed(id, "gateway", at);
  e.reason = "contact and sender domain are verified";
  e.facts = {{"from", "pending"}, {"to", "active"}, {"domain", proven}};
  journal_.append(txn, e);
  return *t;
}

result<std::vector<std::string>> tenant_registry::remove_tenant(write_txn& txn,
                                                                tenant_id id) const {
  const auto t = find_tenant(txn, id);
  if (!t) return no(failure_kind::not_found, "no such tenant");
  std::vector<std::string> domains, users;
  for (auto c = txn.scan(domains_); c.next();)
    if (decode_sender_domain(c.key(), c.value()).tenant == id) domains.emplace_back(c.key());
  for (auto c = txn.scan(credentials_); c.next();)
    if (decode_credential(c.key(), c.value()).tenant == id) users.emplace_back(c.key());
  for (const auto& d : domains) txn.erase(domains_, d);
  for (const auto& u : users) txn.erase(credentials_, u);
  if (!t->contact_token_hash.empty()) txn.erase(contact_tokens_, t->contact_token_hash);
  txn.erase(names_, t->name);
  txn.erase(tenants_, id_key(id));
  // The number of the newest tenant must not come back with the next one.
  if (const auto last = txn.get(meta_, last_tenant_key);
      !last || byte_reader{*last}.be32() < id.value)
    txn.put(meta_, last_tenant_key, id_key(id));
  return domains;
}

result<tenant> tenant_registry::restore_tenant(write_txn& txn, const tenant& given,
                                               std::string_view source, std::string_view actor,
                                               instant at) const {
  if (auto r = validate(given); !r) return r.error();
  if (txn.get(names_, given.name)) return no(failure_kind::conflict, "the name is taken");
  CONSENTRY_CHECK(given.pseudonym_key.size() == 32);
  CONSENTRY_CHECK(given.id && !find_tenant(txn, given.id));
  auto t = given;
  t.contact_token_hash.clear();
  t.contact_token_expires_at = {};
  store(txn, t);
  txn.put(names_, t.name, id_key(t.id));
  event e{.kind = event_kind::tenant_added, .at = at, .tenant = t.id, .actor = std::string{actor}};
  e.facts = {{"name", t.name},
             {"legal_name", t.legal_name},
             {"restored_from", std::string{source}},
             {"state", std::string{to_string(t.state)}}};
  journal_.append(txn, e);
  return t;
}

result<void> tenant_registry::restore_credential(write_txn& txn, const credential& c,
                                                 std::string_view actor, instant created_at,
                                                 instant at) const {
  if (auto added = add_credential(txn, c, actor, at); !added) return added;
  auto stored = c;
  stored.created_at = created_at;
  txn.put(credentials_, c.user, encode(stored));
  return {};
}

std::optional<sender_domain> tenant_registry::own_domain(const read_txn& txn, tenant_id owner,
                                                         std::string_view domain) const {
  const auto name = smtp::ascii_domain(domain);
  if (!name || name->empty()) return std::nullopt;
  const auto bytes = txn.get(domains_, *name);
  if (!bytes) return std::nullopt;
  auto d = decode_sender_domain(*name, *bytes);
  // The other tenant's claim is not ours to know of.
  if (d.tenant != owner) return std::nullopt;
  return d;
}

result<sender_domain> tenant_registry::remove_domain(write_txn& txn, tenant_id owner,
                                                     std::string_view domain,
                                                     std::string_view reason,
                                                     std::string_view actor, instant at) const {
  const auto d = own_domain(txn, owner, domain);
  if (!d) return no(failure_kind::not_found, "no such domain");
  if (trim(reason).empty()) return no(failure_kind::invalid, "a reason is needed");
  txn.erase(domains_, d->domain);
  event e{.kind = event_kind::domain_changed,
          .at = at,
          .tenant = owner,
          .reason = std::string{reason},
          .actor = std::string{actor}};
  e.facts = {{"domain", d->domain}, {"removed", "yes"}};
  journal_.append(txn, e);
  return *d;
}

result<void> tenant_registry::restore_domain(write_txn& txn, const sender_domain& d,
                                             std::string_view actor, instant at) const {
  const auto name = smtp::ascii_domain(d.domain);
  if (!name || *name != d.domain) return no(failure_kind::invalid, "not a domain");
  if (const auto bytes = txn.get(domains_, d.domain))
    if (const auto there = decode_sender_domain(d.domain, *bytes);
        there.is_verified() || there.tenant == d.tenant)
      return no(failure_kind::conflict, "the domain is verified for another tenant");
  txn.put(domains_, d.domain, encode(d));
  event e{
      .kind = event_kind::domain_added, .at = at, .tenant = d.tenant, .actor = std::string{actor}};
  e.facts = {{"domain", d.domain},
             {"selector", d.dkim_selector},
             {"verified_by", std::string{to_string(d.verified_by)}},
             {"restored", "yes"}};
  journal_.append(txn, e);
  return {};
}

}  // namespace consentry::policy::tenants
