// Users and their bearer tokens in the store. Each change appends its journal event in the same
// transaction.
//
//   table users          login -> user
//   table api_tokens     SHA-256 of the token (32) -> token_record
//   table user_tokens    login, 0, be32 number -> SHA-256 of the token
//
// Changing functions look first and write last: where they return a failure the transaction is
// untouched. `actor` is "desk:<login>" or "tenant:<login>". A `tenant` argument is whose user it
// must be (0: staff's); another's is not_found.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lmdb_env.h"
#include "base/secret.h"
#include "journal/event_journal.h"
#include "policy/tenants/console_access.h"
#include "policy/tenants/user.h"

namespace consentry::policy::tenants {

// An unset member stays as it is.
struct user_change {
  std::optional<std::string> name;
  std::optional<role> as;
  std::optional<bool> active;
};

// Who does it, why, and when: what the journal keeps of a change.
struct user_act {
  std::string actor;
  std::string reason;  // may be empty
  instant at{};
};

struct signed_in {
  user who;
  digest256 token{};             // the key of its record
  std::optional<instant> noted;  // when its use was last noted
};

inline constexpr std::size_t tokens_per_user_max = 50;

// Table handles only; any thread may read, the writer's may change.
class user_registry {
 public:
  user_registry(store_env& env, const journal::event_journal& journal);  // at start

  // conflict: the login is taken, by whomever.
  result<user> add(write_txn& txn, const user& wanted, const user_act& by) const;
  // From a hand-over: known by name and role, but switched off and without tokens until somebody
  // lets them in again. conflict: the login is taken.
  result<user> restore(write_txn& txn, const user& handed_over, const user_act& by) const;
  result<user> change(write_txn& txn, tenant_id tenant, std::string_view login,
                      const user_change& change, const user_act& by) const;
  // With all tokens. The journal keeps the login.
  result<void> remove(write_txn& txn, tenant_id tenant, std::string_view login,
                      const user_act& by) const;
  // All users of a tenant whose data goes. Returns how many there were.
  std::size_t remove_all(write_txn& txn, tenant_id tenant, const user_act& by) const;

  std::optional<user> find(const read_txn& txn, tenant_id tenant, std::string_view login) const;
  std::vector<user> list(const read_txn& txn, tenant_id tenant) const;  // by login

  // hash: of the token's text. limit: too many tokens already.
  result<token_record> add_token(write_txn& txn, tenant_id tenant, std::string_view login,
                                 const digest256& hash, std::string_view label,
                                 std::optional<instant> expires_at, const user_act& by) const;
  result<void> revoke_token(write_txn& txn, tenant_id tenant, std::string_view login,
                            std::uint32_t number, const user_act& by) const;
  std::vector<token_record> tokens(const read_txn& txn, std::string_view login) const;

  // Found by hash, so the time taken tells nothing about other tokens. nullopt: unknown, expired,
  // or its user is not active.
  std::optional<signed_in> sign_in(const read_txn& txn, const digest256& hash, instant now) const;
  // Not journaled. Does nothing if the token is gone.
  void note_use(write_txn& txn, const digest256& hash, instant at) const;

  // Passwords and sessions of the console; a user who is removed has none any more.
  const console_access& console() const noexcept { return console_; }
  // By a session: nullopt: unknown, over, or its user is not active.
  std::optional<signed_in> in_session(const read_txn& txn, const digest256& key,
                                      const session_rules& rules, instant now) const;
  // Whoever has this login, staff's or a tenant's.
  std::optional<user> whose(const read_txn& txn, std::string_view login) const {
    return get(txn, login);
  }

 private:
  std::optional<user> get(const read_txn& txn, std::string_view login) const;
  void drop(write_txn& txn, const user& u, const user_act& by) const;

  const journal::event_journal& journal_;
  table users_;
  table tokens_;
  table by_user_;
  console_access console_;
};

}  // namespace consentry::policy::tenants
