#include "policy/consent/slice_writer.h"

#include <algorithm>

#include "base/check.h"

namespace consentry::policy::consent {

namespace {

constexpr std::size_t prefix_bytes = 4 + 16;
constexpr std::size_t page_bytes = 4096;
constexpr std::size_t node_overhead = 10;  // LMDB: header and slot

}  // namespace

bool stored_ahead::has(const read_txn& txn, std::string_view prefix) {
  // Asked out of order it looks anew, and then sees what was written since.
  if (!is_known_ || prefix < asked_ || (!next_.empty() && next_ < prefix)) {
    auto at = txn.scan(table_);
    next_ = at.seek(prefix) ? std::string{at.key()} : std::string{};
    is_known_ = true;
  }
  asked_ = prefix;
  return next_.starts_with(prefix);
}

slice_writer::slice_writer(write_txn& txn, const consent_ledger& ledger, const slice_facts& about)
    : txn_{txn},
      ledger_{ledger},
      about_{about},
      entry_{ledger.append_import(txn, about.tenant, about.rows, about.commitments, about.source,
                                  about.by, about.more)},
      consents_{ledger.consents_},
      persons_{ledger.persons_} {}

// A key put before others on their page splits it in the middle, every time; a key put behind the
// last on its page begins a new one. So what shares the page steps aside while the slice is
// written.
void slice_writer::make_room(table t, stored_ahead& ahead, const std::string& first) {
  if (about_.last_key.empty()) return;
  if (ahead.has(txn_, first) || ahead.next().empty() ||
      ahead.next().substr(0, prefix_bytes) <= about_.last_key.substr(0, prefix_bytes))
    return;
  const auto from = lifted_.size();
  {
    auto at = txn_.scan(t);
    std::size_t bytes = 0;
    for (bool ok = at.seek(ahead.next()); ok && bytes < page_bytes; ok = at.next()) {
      bytes += at.key().size() + at.value().size() + node_overhead;
      lifted_.push_back({t, std::string{at.key()}, std::string{at.value()}});
    }
  }
  for (auto i = from; i < lifted_.size(); ++i) txn_.erase(t, lifted_[i].key);
}

void slice_writer::close() {
  for (const auto& row : lifted_) txn_.put(row.from, row.key, row.value);
  lifted_.clear();
}

terms_id slice_writer::terms_of_row(const consent_record& r) {
  for (const auto& [terms, id] : recent_)
    if (id != 0 && has_terms(r, terms)) return id;
  const auto id = ledger_.terms_.intern(txn_, about_.tenant, r);
  if (id != 0) {
    recent_[oldest_recent_] = {terms_of(r), id};
    oldest_recent_ = (oldest_recent_ + 1) % recent_.size();
  }
  return id;
}

void slice_writer::put_person(const std::string& prefix, const consent_key& key,
                              const person_record& p) {
  if (persons_.has(txn_, prefix) || !written_.empty()) {
    ledger_.put_person(txn_, key.tenant, key.person, p);
  } else {
    txn_.put(ledger_.persons_, prefix, encode(p));
  }
}

put_outcome slice_writer::put(const consent_key& key, consent_record& record,
                              const person_record& person) {
  return put(key, stored_key(key), record, person);
}

put_outcome slice_writer::put(const consent_key& key, const std::string& at_key,
                              consent_record& record, const person_record& person) {
  // Beyond the last key lie rows that may have stepped aside: they would be overlooked.
  CONSENTRY_CHECK(key.tenant == about_.tenant &&
                  (about_.last_key.empty() || at_key <= about_.last_key));
  record.import_entry = entry_;
  if (!record.given_at && record.withdrawn_at) {
    const auto& how = record.withdrawn_method;
    if (key.topic.empty())
      ledger_.withdraw_all(txn_, key.tenant, key.person, *record.withdrawn_at, how, about_.by);
    else
      ledger_.withdraw(txn_, key, *record.withdrawn_at, how, about_.by);
    // Whatever of that person comes next in this slice is looked up.
    person_ = at_key.substr(0, prefix_bytes);
    is_fresh_ = false;
    written_.assign(1, at_key);
    return put_outcome::still_withdrawn;
  }
  auto prefix = at_key.substr(0, prefix_bytes);
  if (is_first_) {
    make_room(ledger_.consents_, consents_, prefix);
    make_room(ledger_.persons_, persons_, prefix);
    is_first_ = false;
  }
  if (prefix != person_) {
    person_ = prefix;
    written_.clear();
    is_fresh_ = !consents_.has(txn_, prefix);
  }
  // Of an erased person nothing comes back with what was given before (RULES D4).
  if (is_fresh_ || !ledger_.is_erased(txn_, key.tenant, key.person, record.given_at))
    put_person(prefix, key, person);
  else
    ledger_.note_refused(txn_, {key, "consent.erased"}, about_.by, about_.more);
  const bool is_told_before = std::ranges::find(written_, at_key) != written_.end();
  written_.push_back(at_key);
  if (is_fresh_ && !is_told_before && record.given_at && !record.withdrawn_at) {
    txn_.put(ledger_.consents_, at_key, encode(record, terms_of_row(record)));
    ledger_.claim_evidence(txn_, at_key, record.evidence_reference);
    return put_outcome::added;
  }
  return ledger_.put_imported(txn_, key, record, about_.by);
}

void write_slice(write_txn& txn, const consent_ledger& ledger, const slice_facts& about,
                 const std::function<void(slice_writer&)>& put_rows) {
  slice_writer slice{txn, ledger, about};
  put_rows(slice);
  slice.close();
}

}  // namespace consentry::policy::consent
