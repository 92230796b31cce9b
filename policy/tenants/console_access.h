// How people sign in to the console: a password, and at most one session for each login (RULES A2
// 6.1). Belongs to user_registry, which knows whose login it is.
//
//   table console_logins    login -> password_record
//   table console_sessions  SHA-256 of the session's secret (32) -> session_record
//
// A session's secret is its cookie; it is kept nowhere. Changing functions look first and write
// last; what they do stands in the journal (session_changed).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/lmdb_env.h"
#include "base/secret.h"
#include "journal/event_journal.h"
#include "policy/tenants/user.h"

namespace consentry::policy::tenants {

struct session_rules {
  std::chrono::minutes idle{30};   // without a request of the person's own
  std::chrono::hours longest{12};  // whatever is done
  bool second_replaces = false;    // login.second: refuse, or end the first
};

struct password_record {
  std::string hashed;  // hash_password(); empty: none was set, but a session may have been
  instant set_at{};
  std::string session;  // 32 bytes: the key of the login's newest session; empty: none
};

struct session_record {
  std::string login;
  instant opened_at{};
  instant last_used{};  // to the minute
};

bool is_over(const session_record& s, const session_rules& rules, instant now) noexcept;

// What is stored. Decoding throws decode_error.
std::string encode(const password_record& p);
password_record decode_password(std::string_view bytes);
std::string encode(const session_record& s);
session_record decode_session(std::string_view bytes);

// Table handles only; any thread may read, the writer's may change.
class console_access {
 public:
  console_access(store_env& env, const journal::event_journal& journal);  // at start

  // Ends the login's session as well: whoever knew the old password is out. hashed: of
  // hash_password().
  void set_password(write_txn& txn, const user& u, std::string_view hashed, std::string_view actor,
                    std::string_view reason, instant at) const;
  std::optional<password_record> password_of(const read_txn& txn, std::string_view login) const;

  // conflict: the login has a session that is not over, and second_replaces is off. mine: the key
  // of a session that the same browser brings along, which is no second one; empty: none.
  result<session_record> open(write_txn& txn, const user& u, const digest256& key,
                              std::string_view mine, const session_rules& rules, instant at) const;
  std::optional<session_record> find(const read_txn& txn, const digest256& key) const;
  // Whether one stands that is not over.
  bool has_session(const read_txn& txn, std::string_view login, const session_rules& rules,
                   instant now) const;
  // Not journaled. Does nothing if the session is gone.
  void note_use(write_txn& txn, const digest256& key, instant at) const;
  // False: there was none.
  bool close(write_txn& txn, const user& u, std::string_view actor, std::string_view reason,
             instant at) const;

  // A sign-in that failed, or found the login locked: what is "failed" or "locked".
  void note_failure(write_txn& txn, const user& u, std::string_view what, instant at) const;

  // With the user.
  void forget(write_txn& txn, std::string_view login) const;

 private:
  void note(write_txn& txn, const user& u, std::string_view what, std::string_view actor,
            std::string_view reason, instant at) const;

  const journal::event_journal& journal_;
  table logins_;
  table sessions_;
};

}  // namespace consentry::policy::tenants
