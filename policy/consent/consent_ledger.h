// The consents in the store, and their history in the journal.
//
//   consents   tenant(4) person(16) sender+topic(8)   -> consent_record   the last part is a hash
//   consents   tenant(4) person(16) 00000000          -> consent_record   "all topics": only a
//   withdrawal or objection persons    tenant(4) person(16)                   -> person_record
//
// Tenant first: what belongs to a tenant lies together, and an import sorted by key touches
// neighbouring pages.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lmdb_env.h"
#include "base/secret.h"
#include "journal/event_journal.h"
#include "policy/consent/consent_record.h"

namespace consentry::policy::consent {

// Who did it and when, for the journal.
struct act {
  instant at{};
  std::string actor;  // "desk:<login>", "import:<login>", "one_click", "gateway"
};

enum class put_outcome : std::uint8_t {
  added,
  renewed,         // newer evidence took the place of older
  kept,            // what is stored is as new or newer
  still_withdrawn  // a later withdrawal stands against it (RULES D3)
};
std::string_view to_string(put_outcome o) noexcept;

struct listed_consent {
  consent_key key;
  consent_record record;
  bool all_topics = false;  // the withdrawal or objection that covers every topic
};

struct listed_person {
  std::string person;  // pseudonym
  person_record record;
};

// Reads: any thread, with its own transaction. Writes: inside commit_loop operations; all are
// re-runnable. Throws store_error and decode_error.
class consent_ledger {
 public:
  // Opens the tables; at start only.
  consent_ledger(store_env& env, const journal::event_journal& history);

  // The record, with a withdrawal or objection for all topics joined in. Where only such a one
  // exists, a record without given_at. Deliveries not yet applied are missing: renewal_buffer::find
  // has them too.
  std::optional<consent_record> find(const read_txn& txn, const consent_key& key) const;

  // Every consent of a person under a tenant, the all-topics one first.
  std::vector<listed_consent> list(const read_txn& txn, tenant_id tenant,
                                   std::string_view person) const;
  std::optional<person_record> find_person(const read_txn& txn, tenant_id tenant,
                                           std::string_view person) const;

  // All of a tenant's, at most `rows` a call, in the order of their keys. resume: empty to begin;
  // empty again at the end.
  std::vector<listed_consent> page(const read_txn& txn, tenant_id tenant, std::size_t rows,
                                   std::string& resume) const;
  std::vector<listed_person> persons_page(const read_txn& txn, tenant_id tenant, std::size_t rows,
                                          std::string& resume) const;
  // A row as page() gave it, for another tenant number maybe. Journals nothing: see note_import.
  void restore(write_txn& txn, const listed_consent& c) const;

  // Joins (merge()) and journals consent_given or consent_confirmed. An older record never revives
  // a withdrawal. CHECKs that record.salt holds 16 bytes: set it before the operation, so that a
  // second run writes the same.
  put_outcome put(write_txn& txn, const consent_key& key, const consent_record& record,
                  const act& by) const;
  // The same without a journal entry, for import slices, which journal once for all; a withdrawal
  // that is news is journaled.
  put_outcome put_imported(write_txn& txn, const consent_key& key, const consent_record& record,
                           const act& by) const;
  // The entry of one import slice: commitments is the hash over those of its rows.
  void note_import(write_txn& txn, tenant_id tenant, std::uint64_t rows,
                   const digest256& commitments, std::string_view source, const act& by) const;
  void put_person(write_txn& txn, tenant_id tenant, std::string_view person,
                  const person_record& p) const;

  // RULES 5.2.1, D3. Holds for the key, known or not, against anything given up to that time.
  // Journals consent_withdrawn. false: an equal or later withdrawal stood there already (nothing is
  // journaled).
  bool withdraw(write_txn& txn, const consent_key& key, instant at, std::string_view method,
                const act& by) const;
  // For every topic and sender of the tenant, known now or imported later.
  bool withdraw_all(write_txn& txn, tenant_id tenant, std::string_view person, instant at,
                    std::string_view method, const act& by) const;

  // A complaint or a reply against the mailing, for every topic of the tenant: the twelve months
  // are not renewed by silence (RULES A3). The complaint itself is journaled by whoever counts it.
  void object_all(write_txn& txn, tenant_id tenant, std::string_view person, instant at) const;

  // Renewals (renewal_buffer only).
  void add_delivery(write_txn& txn, const consent_key& key, const delivery_mark& d) const;
  void retract_delivery(write_txn& txn, const consent_key& key, recipient_id bounced) const;

 private:
  std::optional<consent_record> get(const read_txn& txn, std::string_view stored_key) const;
  bool withdraw_at_key(write_txn& txn, const std::string& stored_key, const consent_key& key,
                       instant at, std::string_view method, const act& by) const;
  struct joined {
    consent_record record;
    bool is_new_evidence = false;
    bool is_newly_withdrawn = false;
    bool is_newly_confirmed = false;
  };
  put_outcome join(write_txn& txn, const consent_key& key, const consent_record& incoming,
                   joined& what) const;

  const journal::event_journal* journal_;
  table consents_;
  table persons_;
};

// Key of a consent in the store: 28 bytes, the order of import slices.
std::string stored_key(const consent_key& key);

}  // namespace consentry::policy::consent
