// Tenants, credentials and sender domains in the store. Each change appends its journal event in
// the same transaction.
//
//   tenants          be32 id -> tenant               tenant_names     name -> be32 id
//   credentials      user -> credential              sender_domains   domain -> sender_domain
//   contact_tokens   SHA-256 of the token -> be32 id
//   meta             "last_tenant" -> be32 id        a removed tenant's number is not given again
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
  // refused: may_change says no. reason must not be empty; the end of a contract needs one of the
  // enumerated reasons too. A change to the same state does nothing. A person who opens a
  // tenant that is not verified vouches for it (RULES A2 1), which the entry says.
  result<tenant> change_state(write_txn& txn, tenant_id id, tenant_state to,
                              std::string_view reason, std::string_view actor, instant at,
                              termination_reason why_ended = termination_reason::none) const;

  // Remembers the hash of the token in the link that is being mailed to the contact; an older link
  // ends. conflict: the contact is confirmed already. refused: terminated.
  result<tenant> issue_contact_token(write_txn& txn, tenant_id id, std::string_view token_hash,
                                     instant expires_at, std::string_view actor, instant at) const;
  // The link was used. not_found: no such token, or its time is over. Twice is once. Makes the
  // tenant active if its domain is proven (activate_if_ready).
  result<tenant> confirm_contact(write_txn& txn, std::string_view token_hash, instant at) const;
  // Whose link it is, for the page that asks before it confirms.
  std::optional<tenant> find_by_contact_token(const read_txn& txn, std::string_view token_hash,
                                              instant at) const;
  // A pending tenant whose contact is confirmed and one of whose domains is verified becomes
  // active, by nobody's hand (RULES A2 1). Gives the tenant as it is then.
  tenant activate_if_ready(write_txn& txn, tenant_id id, instant at) const;

  // RULES A2 10: tenant, names, credentials, domains, tokens, and with the pseudonym key the link
  // between journal and persons. Gives the names of its domains. not_found. The history stays.
  result<std::vector<std::string>> remove_tenant(write_txn& txn, tenant_id id) const;
  // A number for a tenant to come; never given again.
  tenant_id reserve_id(write_txn& txn) const { return next_id(txn); }
  // A tenant from an export: everything as given, under a reserved number. conflict: the name is
  // taken.
  result<tenant> restore_tenant(write_txn& txn, const tenant& given, std::string_view source,
                                std::string_view actor, instant at) const;

  // conflict: the user name is taken. not_found: no such tenant.
  result<void> add_credential(write_txn& txn, const credential& c, std::string_view actor,
                              instant at) const;
  // From an export, as given. conflict: the user name is taken.
  result<void> restore_credential(write_txn& txn, const credential& c, std::string_view actor,
                                  instant created_at, instant at) const;
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
  // Verified already: nothing changes, unless a DNS token now proves what a person vouched for.
  // token: the one that was looked up, where one was; not_found if the claim has another by now.
  result<sender_domain> verify_domain(write_txn& txn, tenant_id owner, std::string_view domain,
                                      domain_proof proof, std::string_view actor, instant at,
                                      std::string_view token = {}) const;
  // not_found. The tenant keeps its state; without a verified domain it can send nothing.
  result<sender_domain> remove_domain(write_txn& txn, tenant_id owner, std::string_view domain,
                                      std::string_view reason, std::string_view actor,
                                      instant at) const;
  // From an export, as given. conflict: the name is another tenant's, verified.
  result<void> restore_domain(write_txn& txn, const sender_domain& d, std::string_view actor,
                              instant at) const;

  // Whose it is, verified or not; its very name.
  std::optional<sender_domain> find_domain(const read_txn& txn, std::string_view ascii) const;
  std::optional<tenant> find_tenant(const read_txn& txn, tenant_id id) const;
  std::optional<tenant> find_tenant_named(const read_txn& txn, std::string_view name) const;

  // Reads everything.
  std::shared_ptr<const tenant_directory> load(const read_txn& txn) const;

 private:
  void store(write_txn& txn, const tenant& t) const;
  tenant_id next_id(write_txn& txn) const;
  std::optional<sender_domain> own_domain(const read_txn& txn, tenant_id owner,
                                          std::string_view domain) const;

  const journal::event_journal& journal_;
  table tenants_;
  table names_;
  table credentials_;
  table domains_;
  table contact_tokens_;
  table meta_;
};

}  // namespace consentry::policy::tenants
