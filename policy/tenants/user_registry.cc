#include "policy/tenants/user_registry.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/civil_date.h"
#include "base/text.h"

namespace consentry::policy::tenants {
namespace {

using journal::event;
using journal::event_kind;

constexpr std::size_t label_bytes_max = 100;

failure no(failure_kind kind, std::string text) {
  return {.kind = kind, .permanent = true, .public_text = std::move(text)};
}
failure no_user() {
  return no(failure_kind::not_found, "no such user");
}

std::string tokens_prefix(std::string_view login) {
  return byte_writer{}.raw(login).u8(0).take();
}
std::string token_key(std::string_view login, std::uint32_t number) {
  return byte_writer{}.raw(login).u8(0).be32(number).take();
}

event event_of(event_kind kind, const user& u, const user_act& by) {
  event e{.kind = kind, .at = by.at, .tenant = u.tenant, .actor = by.actor};
  e.facts["login"] = u.login;
  if (!by.reason.empty()) e.facts["reason"] = by.reason;
  return e;
}

}  // namespace

user_registry::user_registry(store_env& env, const journal::event_journal& journal)
    : journal_{journal},
      users_{env.open_table("users")},
      tokens_{env.open_table("api_tokens")},
      by_user_{env.open_table("user_tokens")},
      console_{env, journal} {}

std::optional<user> user_registry::get(const read_txn& txn, std::string_view login) const {
  if (login.empty() || login.size() > 64) return std::nullopt;
  const auto bytes = txn.get(users_, login);
  if (!bytes) return std::nullopt;
  return decode_user(login, *bytes);
}

std::optional<user> user_registry::find(const read_txn& txn, tenant_id tenant,
                                        std::string_view login) const {
  auto u = get(txn, login);
  if (u && u->tenant != tenant) return std::nullopt;
  return u;
}

std::vector<user> user_registry::list(const read_txn& txn, tenant_id tenant) const {
  std::vector<user> out;
  for (auto c = txn.scan(users_); c.next();)
    if (auto u = decode_user(c.key(), c.value()); u.tenant == tenant) out.push_back(std::move(u));
  return out;
}

result<user> user_registry::add(write_txn& txn, const user& wanted, const user_act& by) const {
  if (auto r = validate(wanted); !r) return r.error();
  if (get(txn, wanted.login)) return no(failure_kind::conflict, "the login is taken");
  auto u = wanted;
  u.active = true;
  u.created_at = by.at;
  txn.put(users_, u.login, encode(u));
  auto e = event_of(event_kind::user_added, u, by);
  e.facts["role"] = to_string(u.as);
  journal_.append(txn, e);
  return u;
}

result<user> user_registry::restore(write_txn& txn, const user& handed_over,
                                    const user_act& by) const {
  if (auto r = validate(handed_over); !r) return r.error();
  if (get(txn, handed_over.login)) return no(failure_kind::conflict, "the login is taken");
  auto u = handed_over;
  u.active = false;
  txn.put(users_, u.login, encode(u));
  auto e = event_of(event_kind::user_added, u, by);
  e.facts["role"] = to_string(u.as);
  e.facts["active"] = "no";
  journal_.append(txn, e);
  return u;
}

result<user> user_registry::change(write_txn& txn, tenant_id tenant, std::string_view login,
                                   const user_change& change, const user_act& by) const {
  const auto old = find(txn, tenant, login);
  if (!old) return no_user();
  auto u = *old;
  if (change.name) u.name = *change.name;
  if (change.as) u.as = *change.as;
  if (change.active) u.active = *change.active;
  if (auto r = validate(u); !r) return r.error();
  auto e = event_of(event_kind::user_changed, u, by);
  // The name is the person's; that it changed is history enough.
  if (u.name != old->name) e.facts["name"] = "changed";
  if (u.as != old->as) e.facts["role"] = to_string(u.as);
  if (u.active != old->active) e.facts["active"] = u.active ? "yes" : "no";
  txn.put(users_, u.login, encode(u));
  journal_.append(txn, e);
  return u;
}

void user_registry::drop(write_txn& txn, const user& u, const user_act& by) const {
  const auto prefix = tokens_prefix(u.login);
  std::vector<std::pair<std::string, std::string>> theirs;  // views die with the first write
  {
    auto c = txn.scan(by_user_);
    for (bool more = c.seek(prefix); more && c.key().starts_with(prefix); more = c.next())
      theirs.emplace_back(c.key(), c.value());
  }
  for (const auto& [key, hash] : theirs) {
    txn.erase(tokens_, hash);
    txn.erase(by_user_, key);
  }
  txn.erase(users_, u.login);
  console_.forget(txn, u.login);
  auto e = event_of(event_kind::user_changed, u, by);
  e.facts["removed"] = "yes";
  journal_.append(txn, e);
}

result<void> user_registry::remove(write_txn& txn, tenant_id tenant, std::string_view login,
                                   const user_act& by) const {
  const auto u = find(txn, tenant, login);
  if (!u) return no_user();
  drop(txn, *u, by);
  return {};
}

std::size_t user_registry::remove_all(write_txn& txn, tenant_id tenant, const user_act& by) const {
  const auto all = list(txn, tenant);
  for (const auto& u : all) drop(txn, u, by);
  return all.size();
}

result<token_record> user_registry::add_token(write_txn& txn, tenant_id tenant,
                                              std::string_view login, const digest256& hash,
                                              std::string_view label,
                                              std::optional<instant> expires_at,
                                              const user_act& by) const {
  const auto u = find(txn, tenant, login);
  if (!u) return no_user();
  if (label.size() > label_bytes_max || !is_valid_utf8(label))
    return no(failure_kind::invalid, "label: at most 100 bytes of UTF-8");
  if (expires_at && *expires_at <= by.at)
    return no(failure_kind::invalid, "expires_at lies in the past");
  const auto have = tokens(txn, login);
  if (have.size() >= tokens_per_user_max)
    return no(failure_kind::conflict, "a user has at most 50 tokens: revoke some");
  token_record t{.number = have.empty() ? 1 : have.back().number + 1,
                 .login = u->login,
                 .label = std::string{label},
                 .created_at = by.at,
                 .expires_at = expires_at};
  txn.put(tokens_, as_bytes(hash), encode(t));
  txn.put(by_user_, token_key(login, t.number), as_bytes(hash));
  auto e = event_of(event_kind::user_changed, *u, by);
  e.facts["token"] = "added";
  e.facts["number"] = std::to_string(t.number);
  if (!t.label.empty()) e.facts["label"] = t.label;
  if (t.expires_at) e.facts["expires_at"] = to_string_utc(*t.expires_at);
  journal_.append(txn, e);
  return t;
}

result<void> user_registry::revoke_token(write_txn& txn, tenant_id tenant, std::string_view login,
                                         std::uint32_t number, const user_act& by) const {
  const auto u = find(txn, tenant, login);
  if (!u) return no_user();
  const auto found = txn.get(by_user_, token_key(login, number));
  if (!found) return no(failure_kind::not_found, "no such token");
  const std::string hash{*found};
  txn.erase(tokens_, hash);
  txn.erase(by_user_, token_key(login, number));
  auto e = event_of(event_kind::user_changed, *u, by);
  e.facts["token"] = "revoked";
  e.facts["number"] = std::to_string(number);
  journal_.append(txn, e);
  return {};
}

std::vector<token_record> user_registry::tokens(const read_txn& txn, std::string_view login) const {
  std::vector<token_record> out;
  const auto prefix = tokens_prefix(login);
  auto c = txn.scan(by_user_);
  for (bool more = c.seek(prefix); more && c.key().starts_with(prefix); more = c.next())
    if (const auto bytes = txn.get(tokens_, c.value())) out.push_back(decode_token(*bytes));
  return out;
}

std::optional<signed_in> user_registry::sign_in(const read_txn& txn, const digest256& hash,
                                                instant now) const {
  const auto bytes = txn.get(tokens_, as_bytes(hash));
  if (!bytes) return std::nullopt;
  const auto t = decode_token(*bytes);
  if (t.expires_at && now >= *t.expires_at) return std::nullopt;
  auto u = get(txn, t.login);
  if (!u || !u->active) return std::nullopt;
  return signed_in{.who = std::move(*u), .token = hash, .noted = t.last_used};
}

void user_registry::note_use(write_txn& txn, const digest256& hash, instant at) const {
  const auto bytes = txn.get(tokens_, as_bytes(hash));
  if (!bytes) return;
  auto t = decode_token(*bytes);
  t.last_used = std::chrono::floor<std::chrono::hours>(at);
  txn.put(tokens_, as_bytes(hash), encode(t));
}

std::optional<signed_in> user_registry::in_session(const read_txn& txn, const digest256& key,
                                                   const session_rules& rules, instant now) const {
  const auto s = console_.find(txn, key);
  if (!s || is_over(*s, rules, now)) return std::nullopt;
  auto u = get(txn, s->login);
  if (!u || !u->active) return std::nullopt;
  return signed_in{.who = std::move(*u), .token = key, .noted = s->last_used};
}

}  // namespace consentry::policy::tenants
