// The consents in the store, and their history in the journal.
//
//   consents   tenant(4) person(16) matter(8)   -> consent_record   matter: hash of sender + topic
//   consents   tenant(4) person(16) 00000000    -> consent_record   "all topics": only a withdrawal
//                                                                   or objection
//   persons    tenant(4) person(16)             -> person_record
//   evidence_uses tenant(4) sha256(32) person(16) matter(8) -> ""   who points to a blob
//   consent_terms                               -> what many records share (terms_table.h)
//   consent_refusals                            -> how many refusals were noted (consent_refusal.h)
//
// Tenant first: what belongs to a tenant lies together, and an import sorted by key touches
// neighbouring pages.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/lmdb_env.h"
#include "base/secret.h"
#include "journal/event_journal.h"
#include "policy/consent/consent_codec.h"
#include "policy/consent/consent_record.h"
#include "policy/consent/consent_refusal.h"
#include "policy/consent/terms_table.h"

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

// What the store holds of one key, not copied: points into the transaction.
struct consent_rows {
  std::optional<consent_view> own;  // whose sender and topic may be another's: is_same_matter
  std::optional<consent_view> all_topics;  // the withdrawal or objection that covers every topic
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
  consent_ledger(store_env& env, const journal::event_journal& history,
                 terms_table::options terms = {});

  // The record, with a withdrawal or objection for all topics joined in. Where only such a one
  // exists, a record without given_at. Deliveries not yet applied are missing: renewal_buffer::find
  // has them too.
  std::optional<consent_record> find(const read_txn& txn, const consent_key& key) const;

  // stored_key(), with the hash of sender and topic from memory.
  std::string key_of(const consent_key& key) const;
  // find() without a copy, in one seek. stored_key: of the key.
  consent_rows look(const read_txn& txn, std::string_view stored_key) const;

  // The tenant's consents in the order of their keys, at most limit, from behind the stored key
  // `after` (empty: from the first). `next` is the `after` to go on with, empty at the end.
  struct page {
    std::vector<listed_consent> consents;
    std::string next;
  };
  page list_tenant(const read_txn& txn, tenant_id tenant, std::string_view after,
                   std::size_t limit) const;

  // Every consent of a person under a tenant, the all-topics one first.
  std::vector<listed_consent> list(const read_txn& txn, tenant_id tenant,
                                   std::string_view person) const;
  std::optional<person_record> find_person(const read_txn& txn, tenant_id tenant,
                                           std::string_view person) const;

  // All of a tenant's, at most `rows` a call, in the order of their keys. resume: empty to begin;
  // empty again at the end.
  std::vector<listed_consent> rows(const read_txn& txn, tenant_id tenant, std::size_t count,
                                   std::string& resume) const;
  std::vector<listed_person> person_rows(const read_txn& txn, tenant_id tenant, std::size_t count,
                                         std::string& resume) const;
  // A row as rows() gave it, for another tenant number maybe. Journals nothing: see note_import.
  void restore(write_txn& txn, const listed_consent& c) const;

  // Joins (merge()) and journals consent_given or consent_confirmed. An older record never revives
  // a withdrawal. CHECKs that record.salt holds 16 bytes: set it before the operation, so that a
  // second run writes the same.
  put_outcome put(write_txn& txn, const consent_key& key, const consent_record& record,
                  const act& by) const;
  // The same without a journal entry, for import slices (slice_writer.h), which journal once for
  // all; a withdrawal that is news is journaled. The slice of evidence that is replaced is counted
  // to the person's history.
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

  // Journals consent_refused: somebody wanted a consent written that must not be (a provenance that
  // is none, an address that was erased). Whoever tries it in a loop leaves no more than one entry:
  // a reason is told once until something else happens to the person's consents, and a tenant has
  // refusals_noted_a_day. false: not noted. more: for the journal entry.
  bool note_refused(write_txn& txn, const consent_refusal& what, const act& by,
                    const std::map<std::string, std::string>& more = {}) const;
  // Journals consent_expired, when a delivery attempt was refused for it: once for each evidence.
  // false: it is told already.
  bool note_expired(write_txn& txn, const consent_key& key, recipient_id recipient,
                    std::string_view rule, const act& by, message_id message = {}) const;

  // A complaint or a reply against the mailing, for every topic of the tenant: the twelve months
  // are not renewed by silence (RULES A3). The complaint itself is journaled by whoever counts it.
  void object_all(write_txn& txn, tenant_id tenant, std::string_view person, instant at) const;

  // --- rights of persons (consent_erasure.cc) ---

  // put_person joins; this writes what it is given (a correction).
  void replace_person(write_txn& txn, tenant_id tenant, std::string_view person,
                      const person_record& p) const;
  struct erased {
    std::uint64_t consents = 0;
    bool person = false;
    bool tombstone = false;  // a new one, or a later one
    bool is_news() const noexcept { return consents != 0 || person || tombstone; }
  };
  // Takes away every consent of the person, and name and address. What stays is a withdrawal from
  // all topics at that time with the method `why` ("erased", "corrected"): whatever was given up to
  // then is refused when it comes again, and not even stored (RULES D4). Journals consent_erased if
  // anything was there.
  erased erase_person(write_txn& txn, tenant_id tenant, std::string_view person, instant at,
                      std::string_view why, std::string_view reason, const act& by) const;
  // Of a person that erase_person took away, given before that: not to be stored again.
  bool is_erased(const read_txn& txn, tenant_id tenant, std::string_view person,
                 std::optional<instant> given_at) const;

  // Renewals (renewal_buffer only).
  void add_delivery(write_txn& txn, const consent_key& key, const delivery_mark& d) const;
  void retract_delivery(write_txn& txn, const consent_key& key, recipient_id bounced) const;

 private:
  friend class slice_writer;
  journal_seq append_import(write_txn& txn, tenant_id tenant, std::uint64_t rows,
                            const digest256& commitments, std::string_view source, const act& by,
                            const std::map<std::string, std::string>& more) const;
  consent_view view(const read_txn& txn, tenant_id tenant, std::string_view bytes) const;
  std::optional<consent_record> get(const read_txn& txn, std::string_view stored_key) const;
  void store(write_txn& txn, const std::string& stored_key, const consent_record& r) const;
  // Notes that the record points to a blob (evidence_store.h), if it does.
  void claim_evidence(write_txn& txn, std::string_view stored_key,
                      std::string_view reference) const;
  bool withdraw_at_key(write_txn& txn, const std::string& stored_key, const consent_key& key,
                       instant at, std::string_view method, const act& by) const;
  struct joined {
    consent_record record;
    bool is_new_evidence = false;
    bool is_newly_withdrawn = false;
    bool is_newly_confirmed = false;
    journal_seq replaced_import;  // the slice that brought what the new evidence replaces
  };
  put_outcome join(write_txn& txn, const consent_key& key, const consent_record& incoming,
                   joined& what) const;
  void keep_history(write_txn& txn, const consent_key& key, const joined& what) const;
  bool has_room_for_refusal(const read_txn& txn, tenant_id tenant, instant at) const;
  void count_refusal(write_txn& txn, tenant_id tenant, instant at) const;

  const journal::event_journal* journal_;
  table consents_;
  table persons_;
  table evidence_uses_;
  table refusals_;
  terms_table terms_;
  struct known_matter {
    std::string sender;
    std::string topic;
    std::string matter;
  };
  mutable append_cache<known_matter> matters_;
};

// The methods of a withdrawal that stands for an erasure.
inline constexpr std::string_view erased_method = "erased";
inline constexpr std::string_view corrected_method = "corrected";

// Key of a consent in the store: 28 bytes, the order of import slices.
std::string stored_key(const consent_key& key);

// The parts of it, for who asks about many persons of one sender and topic: hashing costs a third
// of a look-up.
std::string matter_of(std::string_view sender, std::string_view topic);  // 8 bytes
std::string stored_key(tenant_id tenant, std::string_view person, std::string_view matter);
tenant_id tenant_of(std::string_view stored_key);
// Key in evidence_uses: of the blob, then of the consent.
std::string evidence_use_key(std::string_view stored_key, std::string_view digest);

}  // namespace consentry::policy::consent
