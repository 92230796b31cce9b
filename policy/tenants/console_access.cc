#include "policy/tenants/console_access.h"

#include "base/bytes.h"

namespace consentry::policy::tenants {

namespace {

constexpr std::uint8_t version = 1;

std::string actor_of(const user& u) {
  return (is_staff(u.as) ? "desk:" : "tenant:") + u.login;
}

}  // namespace

bool is_over(const session_record& s, const session_rules& rules, instant now) noexcept {
  return now - s.last_used >= rules.idle || now - s.opened_at >= rules.longest;
}

std::string encode(const password_record& p) {
  return byte_writer{}.u8(version).text(p.hashed).zigzag(to_ms(p.set_at)).text(p.session).take();
}

password_record decode_password(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("password: unknown version");
  password_record p;
  p.hashed = in.text();
  p.set_at = from_ms(in.zigzag());
  p.session = in.text();
  if (!in.at_end()) throw decode_error("password: bytes behind it");
  return p;
}

std::string encode(const session_record& s) {
  byte_writer w;
  w.u8(version).text(s.login).zigzag(to_ms(s.opened_at)).zigzag(to_ms(s.last_used));
  return w.take();
}

session_record decode_session(std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("session: unknown version");
  session_record s;
  s.login = in.text();
  s.opened_at = from_ms(in.zigzag());
  s.last_used = from_ms(in.zigzag());
  if (!in.at_end()) throw decode_error("session: bytes behind it");
  return s;
}

console_access::console_access(store_env& env, const journal::event_journal& journal)
    : journal_{journal},
      logins_{env.open_table("console_logins")},
      sessions_{env.open_table("console_sessions")} {}

void console_access::note(write_txn& txn, const user& u, std::string_view what,
                          std::string_view actor, std::string_view reason, instant at) const {
  journal::event e{.kind = journal::event_kind::session_changed,
                   .at = at,
                   .tenant = u.tenant,
                   .actor = std::string{actor}};
  e.facts["login"] = u.login;
  e.facts["what"] = what;
  if (!reason.empty()) e.facts["reason"] = reason;
  journal_.append(txn, e);
}

std::optional<password_record> console_access::password_of(const read_txn& txn,
                                                           std::string_view login) const {
  if (login.empty() || login.size() > 64) return std::nullopt;
  const auto bytes = txn.get(logins_, login);
  if (!bytes) return std::nullopt;
  return decode_password(*bytes);
}

void console_access::set_password(write_txn& txn, const user& u, std::string_view hashed,
                                  std::string_view actor, std::string_view reason,
                                  instant at) const {
  const auto old = password_of(txn, u.login);
  if (old && !old->session.empty()) txn.erase(sessions_, old->session);
  txn.put(logins_, u.login, encode(password_record{.hashed = std::string{hashed}, .set_at = at}));
  note(txn, u, "password", actor, reason, at);
}

std::optional<session_record> console_access::find(const read_txn& txn,
                                                   const digest256& key) const {
  const auto bytes = txn.get(sessions_, as_bytes(key));
  if (!bytes) return std::nullopt;
  return decode_session(*bytes);
}

bool console_access::has_session(const read_txn& txn, std::string_view login,
                                 const session_rules& rules, instant now) const {
  const auto p = password_of(txn, login);
  if (!p || p->session.empty()) return false;
  const auto bytes = txn.get(sessions_, p->session);
  return bytes && !is_over(decode_session(*bytes), rules, now);
}

result<session_record> console_access::open(write_txn& txn, const user& u, const digest256& key,
                                            std::string_view mine, const session_rules& rules,
                                            instant at) const {
  auto p = password_of(txn, u.login);
  if (!p)
    return failure{
        .kind = failure_kind::not_found, .permanent = true, .public_text = "no such user"};
  const bool is_second = has_session(txn, u.login, rules, at) && p->session != mine;
  if (is_second && !rules.second_replaces)
    return failure{.kind = failure_kind::conflict,
                   .permanent = true,
                   .public_text = "this login has a session already: sign out there first"};
  if (!p->session.empty()) txn.erase(sessions_, p->session);
  const session_record s{.login = u.login, .opened_at = at, .last_used = at};
  p->session = as_bytes(key);
  txn.put(sessions_, as_bytes(key), encode(s));
  txn.put(logins_, u.login, encode(*p));
  note(txn, u, is_second ? "replaced" : "opened", actor_of(u), {}, at);
  return s;
}

void console_access::note_use(write_txn& txn, const digest256& key, instant at) const {
  auto s = find(txn, key);
  if (!s) return;
  s->last_used = std::chrono::floor<std::chrono::minutes>(at);
  txn.put(sessions_, as_bytes(key), encode(*s));
}

bool console_access::close(write_txn& txn, const user& u, std::string_view actor,
                           std::string_view reason, instant at) const {
  auto p = password_of(txn, u.login);
  if (!p || p->session.empty()) return false;
  txn.erase(sessions_, std::exchange(p->session, {}));
  txn.put(logins_, u.login, encode(*p));
  note(txn, u, "closed", actor, reason, at);
  return true;
}

void console_access::note_failure(write_txn& txn, const user& u, std::string_view what,
                                  instant at) const {
  note(txn, u, what, "gateway", {}, at);
}

void console_access::forget(write_txn& txn, std::string_view login) const {
  const auto p = password_of(txn, login);
  if (!p) return;
  if (!p->session.empty()) txn.erase(sessions_, p->session);
  txn.erase(logins_, login);
}

}  // namespace consentry::policy::tenants
