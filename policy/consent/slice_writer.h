// One slice of an import, as fast as the store takes it. Rows come sorted by stored key; where
// nothing of a person is stored yet, nothing is looked up, and pages are filled to the brim.
//
//   write_slice(txn, ledger, about, [&](slice_writer& s) {
//     for (auto& row : rows) s.put(row.key, row.record, row.person);
//   });
//
// The slice has one journal entry, consent_imported, which binds all its rows by their digest; each
// record names that entry, so that a person's history finds it without an index.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "policy/consent/consent_ledger.h"

namespace consentry::policy::consent {

struct slice_facts {
  tenant_id tenant;
  std::uint64_t rows = 0;
  digest256 commitments{};  // over commitment_to() of the rows, in their order
  std::string source;
  act by;
  std::map<std::string, std::string> more;  // for the journal entry
  // The greatest stored key of the slice. Where known, what lies behind it does not share its pages
  // (an import between two tenants would leave them half empty).
  std::string last_key;
};

// Walks ahead of ascending keys and knows where the next stored one lies, so that in an empty
// range nothing is looked up.
class stored_ahead {
 public:
  explicit stored_ahead(table t) : table_{t} {}
  // Whether a key with this prefix was stored when it last looked.
  bool has(const read_txn& txn, std::string_view prefix);
  const std::string& next() const noexcept { return next_; }  // empty: none ahead

 private:
  table table_;
  bool is_known_ = false;
  std::string asked_;
  std::string next_;
};

class slice_writer {
 public:
  // Its entry in the journal.
  journal_seq entry() const noexcept { return entry_; }

  // As consent_ledger::put_imported and put_person. Sets record.import_entry. Without a given_at
  // and with a withdrawal, it is one: of all topics where the key names none.
  put_outcome put(const consent_key& key, consent_record& record, const person_record& person);
  // The same for whom the stored key is at hand.
  put_outcome put(const consent_key& key, const std::string& stored_key, consent_record& record,
                  const person_record& person);

 private:
  friend void write_slice(write_txn&, const consent_ledger&, const slice_facts&,
                          const std::function<void(slice_writer&)>&);
  slice_writer(write_txn& txn, const consent_ledger& ledger, const slice_facts& about);
  terms_id terms_of_row(const consent_record& r);
  void put_person(const std::string& prefix, const consent_key& key, const person_record& p);
  void make_room(table t, stored_ahead& ahead, const std::string& first);
  void close();

  struct lifted_row {
    table from;
    std::string key;
    std::string value;
  };
  write_txn& txn_;
  const consent_ledger& ledger_;
  const slice_facts& about_;
  journal_seq entry_;
  stored_ahead consents_;
  stored_ahead persons_;
  std::string person_;  // prefix of the row before
  bool is_first_ = true;
  bool is_fresh_ = false;             // nothing was stored of that person
  std::vector<std::string> written_;  // keys of that person, written by this slice
  std::vector<lifted_row> lifted_;
  std::array<std::pair<consent_terms, terms_id>, 4> recent_;
  std::size_t oldest_recent_ = 0;
};

// Inside a commit_loop operation; re-runnable. Throws store_error, decode_error.
void write_slice(write_txn& txn, const consent_ledger& ledger, const slice_facts& about,
                 const std::function<void(slice_writer&)>& put_rows);

}  // namespace consentry::policy::consent
