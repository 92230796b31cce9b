// Tenants, credentials and sender domains in the store. Each change appends its journal event in
// the same transaction.
//
//   table tenants          be32 id -> tenant            table tenant_names   name -> be32 id
//   table credentials      user -> credential           table sender_domains domain ->
//   sender_domain
//
// All changing functions look first and write last: where they return a failure (invalid, conflict,
// not_found, refused) the transaction is untouched. `actor` is "desk:<login>" or "gateway".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/lmdb_env.h"
#include "journal/event_journal.h"
#include "policy/tenants/tenant_directory.h"

namespace consentry::policy::tenants {

// An unset member stays as it is.
struct credential_change {
  std::optional<bool> active;
  std::optional<scram_secret> scram;
};

// Only table handles; any thread may read, the writer's may change.
class tenant_registry {
 public:
  // At start. `journal` must outlive it.
  tenant_registry(store_env& env, const journal::event_journal& journal);

  // Takes name, legal_name, contact and postal_address from `wanted`; id, times and pseudonym key
  // are its own; the state is pending. conflict: the name is taken. The key is random: a re-run
  // makes another, and the last is what counts.
  result<tenant> add_tenant(write_txn& txn, const tenant& wanted, std::string_view actor,
                            instant at) const;
  // refused: may_change says no. reason must not be empty. A change to the same state does nothing.
  result<tenant> change_state(write_txn& txn, tenant_id id, tenant_state to,
                              std::string_view reason, std::string_view actor, instant at) const;

  // conflict: the user name is taken. not_found: no such tenant.
  result<void> add_credential(write_txn& txn, const credential& c, std::string_view actor,
                              instant at) const;
  // not_found: no such user name.
  result<void> change_credential(write_txn& txn, std::string_view user,
                                 const credential_change& change, std::string_view actor,
                                 instant at) const;

  // Unverified, with a fresh dns_token. `domain` in any form. conflict: verified for another
  // tenant, or this tenant's already; a mere claim of another tenant gives way (nobody can squat on
  // a name).
  result<sender_domain> add_domain(write_txn& txn, tenant_id owner, std::string_view domain,
                                   std::string_view dkim_selector, std::string_view actor,
                                   instant at) const;
  result<sender_domain> verify_domain(write_txn& txn, tenant_id owner, std::string_view domain,
                                      domain_proof proof, std::string_view actor, instant at) const;

  std::optional<tenant> find_tenant(const read_txn& txn, tenant_id id) const;
  std::optional<tenant> find_tenant_named(const read_txn& txn, std::string_view name) const;

  // Reads everything.
  std::shared_ptr<const tenant_directory> load(const read_txn& txn) const;

 private:
  void store(write_txn& txn, const tenant& t) const;

  const journal::event_journal& journal_;
  table tenants_;
  table names_;
  table credentials_;
  table domains_;
};

}  // namespace consentry::policy::tenants
