#include "policy/consent/consent_ledger.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "base/secret.h"

namespace consentry::policy::consent {

namespace {

constexpr std::size_t person_bytes = 16;

std::string prefix_of(tenant_id tenant, std::string_view person) {
  CONSENTRY_CHECK(person.size() == person_bytes);
  return byte_writer{}.be32(tenant.value).raw(person).take();
}

std::string all_topics_key(tenant_id tenant, std::string_view person) {
  return byte_writer{}.raw(prefix_of(tenant, person)).be64(0).take();
}

bool is_all_topics(std::string_view stored_key) {
  return stored_key.ends_with(std::string_view{"\0\0\0\0\0\0\0\0", 8});
}

bool is_same_matter(const consent_record& r, const consent_key& key) {
  return consent::is_same_matter(r.sender, r.topic, key);
}

constexpr std::size_t key_bytes = 4 + person_bytes + 8;
// Senders and topics whose hash is remembered; what comes after them is hashed each time.
constexpr std::size_t matters_max = 1U << 14;
// Of a person's history, for what is told once.
constexpr std::size_t history_looked_at_max = 64;
// A person with more topics than this before the wanted one: seek anew instead of walking.
constexpr int steps_max = 4;

// The terms of one tenant, as one transaction sees them.
class terms_in final : public terms_source {
 public:
  terms_in(const terms_table& table, const read_txn& txn, tenant_id tenant)
      : table_{table}, txn_{txn}, tenant_{tenant} {}
  const consent_terms* find(terms_id id, std::shared_ptr<const consent_terms>& kept) override {
    return table_.find(txn_, tenant_, id, kept);
  }

 private:
  const terms_table& table_;
  const read_txn& txn_;
  tenant_id tenant_;
};

journal::event event_of(journal::event_kind kind, const consent_key& key, const act& by) {
  journal::event e;
  e.kind = kind;
  e.at = by.at;
  e.tenant = key.tenant;
  e.person = key.person;
  e.topic = key.topic;
  e.actor = by.actor;
  if (!key.sender.empty()) e.facts["sender"] = key.sender;
  return e;
}

journal::event withdrawal_event(const consent_key& key, const consent_record& r, const act& by) {
  auto e = event_of(journal::event_kind::consent_withdrawn, key, by);
  e.facts["method"] = r.withdrawn_method;
  e.facts["withdrawn_at"] = to_string_utc(*r.withdrawn_at);
  if (key.topic.empty()) e.facts["topics"] = "all";
  return e;
}

}  // namespace

std::string_view to_string(put_outcome o) noexcept {
  switch (o) {
    case put_outcome::added:
      return "added";
    case put_outcome::renewed:
      return "renewed";
    case put_outcome::kept:
      return "kept";
    case put_outcome::still_withdrawn:
      return "still_withdrawn";
  }
  return "unknown";
}

std::string matter_of(std::string_view sender, std::string_view topic) {
  // A name may hold any byte, so each is preceded by its length.
  const auto matter = byte_writer{}.text(fold_name(sender)).text(fold_name(topic)).take();
  std::string out{as_bytes(sha256(matter)).substr(0, 8)};
  if (is_all_topics(out)) out.back() = '\1';
  return out;
}

std::string stored_key(tenant_id tenant, std::string_view person, std::string_view matter) {
  CONSENTRY_CHECK(person.size() == person_bytes && matter.size() == 8);
  std::string out;
  out.reserve(key_bytes);
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(tenant.value >> shift);
  out += person;
  out += matter;
  return out;
}

std::string stored_key(const consent_key& key) {
  return stored_key(key.tenant, key.person, matter_of(key.sender, key.topic));
}

std::string evidence_use_key(std::string_view stored_key, std::string_view digest) {
  return byte_writer{}.raw(stored_key.substr(0, 4)).raw(digest).raw(stored_key.substr(4)).take();
}

tenant_id tenant_of(std::string_view stored_key) {
  return tenant_id{byte_reader{stored_key}.be32()};
}

consent_ledger::consent_ledger(store_env& env, const journal::event_journal& history,
                               terms_table::options terms)
    : journal_{&history},
      consents_{env.open_table("consents")},
      persons_{env.open_table("persons")},
      evidence_uses_{env.open_table("evidence_uses")},
      refusals_{env.open_table("consent_refusals")},
      terms_{env, terms},
      matters_{matters_max} {}

std::string consent_ledger::key_of(const consent_key& key) const {
  const auto hash =
      std::hash<std::string_view>{}(key.sender) * 31 + std::hash<std::string_view>{}(key.topic);
  const auto is_it = [&](const known_matter& m) {
    return m.topic == key.topic && m.sender == key.sender;
  };
  if (const auto* m = matters_.find(hash, is_it))
    return stored_key(key.tenant, key.person, m->matter);
  auto matter = matter_of(key.sender, key.topic);
  auto out = stored_key(key.tenant, key.person, matter);
  matters_.add(hash, {key.sender, key.topic, std::move(matter)}, is_it);
  return out;
}

consent_view consent_ledger::view(const read_txn& txn, tenant_id tenant,
                                  std::string_view bytes) const {
  terms_in terms{terms_, txn, tenant};
  return read_view(bytes, terms);
}

std::optional<consent_record> consent_ledger::get(const read_txn& txn,
                                                  std::string_view stored_key) const {
  const auto bytes = txn.get(consents_, stored_key);
  if (!bytes) return std::nullopt;
  return to_record(view(txn, tenant_of(stored_key), *bytes));
}

void consent_ledger::store(write_txn& txn, const std::string& stored_key,
                           const consent_record& r) const {
  // A withdrawal from everything has no terms worth a look-up.
  const auto id = is_all_topics(stored_key) ? 0 : terms_.intern(txn, tenant_of(stored_key), r);
  txn.put(consents_, stored_key, encode(r, id));
  claim_evidence(txn, stored_key, r.evidence_reference);
}

void consent_ledger::claim_evidence(write_txn& txn, std::string_view stored_key,
                                    std::string_view reference) const {
  const auto digest = blob_digest_of(reference);
  if (digest.empty()) return;
  const auto use = evidence_use_key(stored_key, digest);
  if (!txn.get(evidence_uses_, use)) txn.put(evidence_uses_, use, {});
}

consent_rows consent_ledger::look(const read_txn& txn, std::string_view stored_key) const {
  CONSENTRY_CHECK(stored_key.size() == key_bytes);
  const auto tenant = tenant_of(stored_key);
  const auto prefix = stored_key.substr(0, 4 + person_bytes);
  consent_rows rows;
  auto at = txn.scan(consents_);
  // The all-topics row is the first under the prefix, and the wanted one seldom far behind.
  bool ok = at.seek(prefix);
  if (ok && at.key().starts_with(prefix) && is_all_topics(at.key())) {
    rows.all_topics = view(txn, tenant, at.value());
    ok = at.next();
  }
  for (int steps = 0; ok && at.key() < stored_key; ++steps)
    ok = steps < steps_max ? at.next() : at.seek(stored_key);
  if (ok && at.key() == stored_key) rows.own = view(txn, tenant, at.value());
  return rows;
}

std::optional<consent_record> consent_ledger::find(const read_txn& txn,
                                                   const consent_key& key) const {
  const auto rows = look(txn, key_of(key));
  std::optional<consent_record> out;
  // Another name with the same hash is no consent to this one.
  if (rows.own && consent::is_same_matter(rows.own->terms->sender, rows.own->terms->topic, key))
    out = to_record(*rows.own);
  if (!rows.all_topics) return out;
  if (!out) out = consent_record{.sender = key.sender, .topic = key.topic};
  add_all_topics(*out, to_record(*rows.all_topics));
  return out;
}

consent_ledger::page consent_ledger::list_tenant(const read_txn& txn, tenant_id tenant,
                                                 std::string_view after, std::size_t limit) const {
  page out;
  std::string last;
  const auto prefix = byte_writer{}.be32(tenant.value).take();
  auto at = txn.scan(consents_);
  bool ok = at.seek(after.empty() ? std::string_view{prefix} : after);
  if (ok && !after.empty() && at.key() == after) ok = at.next();
  for (; ok && at.key().starts_with(prefix); ok = at.next()) {
    if (out.consents.size() == limit) {
      out.next = std::move(last);
      break;
    }
    last = at.key();
    listed_consent c;
    c.record = to_record(view(txn, tenant, at.value()));
    c.key = {tenant, std::string{at.key().substr(4, person_bytes)}, c.record.sender,
             c.record.topic};
    c.all_topics = is_all_topics(at.key());
    out.consents.push_back(std::move(c));
  }
  return out;
}

std::vector<listed_consent> consent_ledger::list(const read_txn& txn, tenant_id tenant,
                                                 std::string_view person) const {
  std::vector<listed_consent> out;
  const auto prefix = prefix_of(tenant, person);
  auto at = txn.scan(consents_);
  for (bool ok = at.seek(prefix); ok && at.key().starts_with(prefix); ok = at.next()) {
    listed_consent c;
    c.record = to_record(view(txn, tenant, at.value()));
    c.key = {tenant, std::string{person}, c.record.sender, c.record.topic};
    c.all_topics = is_all_topics(at.key());
    out.push_back(std::move(c));
  }
  return out;
}

std::optional<person_record> consent_ledger::find_person(const read_txn& txn, tenant_id tenant,
                                                         std::string_view person) const {
  const auto bytes = txn.get(persons_, prefix_of(tenant, person));
  if (!bytes) return std::nullopt;
  return decode_person(*bytes);
}

put_outcome consent_ledger::join(write_txn& txn, const consent_key& key,
                                 const consent_record& incoming, joined& what) const {
  if (is_erased(txn, key.tenant, key.person, incoming.given_at))
    return put_outcome::still_withdrawn;
  const auto at = key_of(key);
  const auto stored = get(txn, at);
  if (stored && !is_same_matter(*stored, key)) {
    // Two names of one person with one 64-bit hash: nobody meets this by chance. Never grant on a
    // mix-up.
    log::warn("policy/consent", "name_collision", {{"tenant", key.tenant.value}});
    return put_outcome::kept;
  }
  what.record = stored ? merge(*stored, incoming) : incoming;
  what.is_newly_withdrawn =
      what.record.withdrawn_at && (!stored || stored->withdrawn_at != what.record.withdrawn_at);
  what.is_newly_confirmed =
      stored && what.record.confirmed_at && stored->confirmed_at != what.record.confirmed_at;
  if (!stored || what.record != *stored) store(txn, at, what.record);
  if (stored && stored->import_entry != what.record.import_entry)
    what.replaced_import = stored->import_entry;

  what.is_new_evidence =
      incoming.given_at && (!stored || !stored->given_at || *stored->given_at < *incoming.given_at);
  if (incoming.given_at) {
    auto effective = what.record;
    if (const auto all = get(txn, all_topics_key(key.tenant, key.person)))
      add_all_topics(effective, *all);
    if (effective.is_withdrawn()) return put_outcome::still_withdrawn;
  }
  if (!stored) return put_outcome::added;
  return what.is_new_evidence ? put_outcome::renewed : put_outcome::kept;
}

// A record names the slice it came with; when newer evidence takes its place, the index does.
void consent_ledger::keep_history(write_txn& txn, const consent_key& key,
                                  const joined& what) const {
  if (what.replaced_import)
    journal_->link_person(txn, key.tenant, key.person, what.replaced_import);
}

put_outcome consent_ledger::put_imported(write_txn& txn, const consent_key& key,
                                         const consent_record& record, const act& by) const {
  joined what;
  const auto outcome = join(txn, key, record, what);
  keep_history(txn, key, what);
  if (what.is_newly_withdrawn) journal_->append(txn, withdrawal_event(key, what.record, by));
  return outcome;
}

put_outcome consent_ledger::put(write_txn& txn, const consent_key& key,
                                const consent_record& record, const act& by) const {
  CONSENTRY_CHECK(record.salt.size() == 16);
  joined what;
  const auto outcome = join(txn, key, record, what);
  keep_history(txn, key, what);
  if (what.is_newly_withdrawn) journal_->append(txn, withdrawal_event(key, what.record, by));
  if (what.is_new_evidence) {
    auto e = event_of(journal::event_kind::consent_given, key, by);
    e.commitment = commitment_to(key, record);
    e.facts["given_at"] = to_string_utc(*record.given_at);
    e.facts["method"] = record.method;
    e.facts["outcome"] = to_string(outcome);
    e.facts["record"] = record_id(record);
    journal_->append(txn, e);
  }
  if (what.is_newly_confirmed) {
    auto e = event_of(journal::event_kind::consent_confirmed, key, by);
    e.commitment = commitment_to(key, what.record);
    e.facts["confirmed_at"] = to_string_utc(*what.record.confirmed_at);
    journal_->append(txn, e);
  }
  return outcome;
}

journal_seq consent_ledger::append_import(write_txn& txn, tenant_id tenant, std::uint64_t rows,
                                          const digest256& commitments, std::string_view source,
                                          const act& by,
                                          const std::map<std::string, std::string>& more) const {
  journal::event e;
  e.kind = journal::event_kind::consent_imported;
  e.at = by.at;
  e.tenant = tenant;
  e.actor = by.actor;
  e.commitment = as_bytes(commitments);
  e.facts = more;
  e.facts["rows"] = std::to_string(rows);
  e.facts["source"] = source;
  return journal_->append(txn, e);
}

void consent_ledger::note_import(write_txn& txn, tenant_id tenant, std::uint64_t rows,
                                 const digest256& commitments, std::string_view source,
                                 const act& by) const {
  append_import(txn, tenant, rows, commitments, source, by, {});
}

void consent_ledger::put_person(write_txn& txn, tenant_id tenant, std::string_view person,
                                const person_record& p) const {
  const auto key = prefix_of(tenant, person);
  auto known = p;
  if (const auto stored = txn.get(persons_, key)) {
    // A file without names does not erase a name.
    if (known.name.empty()) known.name = decode_person(*stored).name;
    if (*stored == encode(known)) return;
  }
  txn.put(persons_, key, encode(known));
}

bool consent_ledger::withdraw_at_key(write_txn& txn, const std::string& at_key,
                                     const consent_key& key, instant at, std::string_view method,
                                     const act& by) const {
  auto stored = get(txn, at_key);
  if (stored && stored->withdrawn_at && *stored->withdrawn_at >= at) return false;
  if (!stored) stored = consent_record{.sender = key.sender, .topic = key.topic};
  stored->withdrawn_at = at;
  // An erasure stays one (consent_erasure.cc), also where a later withdrawal comes in.
  const auto& was = stored->withdrawn_method;
  if (was != erased_method && was != corrected_method) stored->withdrawn_method = method;
  store(txn, at_key, *stored);
  journal_->append(txn, withdrawal_event(key, *stored, by));
  return true;
}

bool consent_ledger::withdraw(write_txn& txn, const consent_key& key, instant at,
                              std::string_view method, const act& by) const {
  return withdraw_at_key(txn, stored_key(key), key, at, method, by);
}

bool consent_ledger::withdraw_all(write_txn& txn, tenant_id tenant, std::string_view person,
                                  instant at, std::string_view method, const act& by) const {
  const consent_key key{tenant, std::string{person}, "", ""};
  return withdraw_at_key(txn, all_topics_key(tenant, person), key, at, method, by);
}

bool consent_ledger::note_expired(write_txn& txn, const consent_key& key, recipient_id recipient,
                                  std::string_view rule, const act& by, message_id message) const {
  const auto stored = find(txn, key);
  if (!stored || !stored->given_at) return false;
  for (const auto& told : journal_->of_person(txn, key.tenant, key.person, history_looked_at_max))
    if (told.what.kind == journal::event_kind::consent_expired &&
        fold_name(told.what.topic) == fold_name(key.topic) && told.what.at >= *stored->given_at)
      return false;
  auto e = event_of(journal::event_kind::consent_expired, key, by);
  e.message = message;
  e.recipient = recipient;
  e.reason = "consent.expired";
  e.rule = rule;
  e.facts["given_at"] = to_string_utc(*stored->given_at);
  journal_->append(txn, e);
  return true;
}

void consent_ledger::object_all(write_txn& txn, tenant_id tenant, std::string_view person,
                                instant at) const {
  const auto key = all_topics_key(tenant, person);
  auto stored = get(txn, key).value_or(consent_record{});
  if (stored.objected_at && *stored.objected_at >= at) return;
  stored.objected_at = at;
  store(txn, key, stored);
}

void consent_ledger::add_delivery(write_txn& txn, const consent_key& key,
                                  const delivery_mark& d) const {
  const auto at = key_of(key);
  auto stored = get(txn, at);
  if (!stored || !is_same_matter(*stored, key)) return;
  const auto first = stored->first_delivery;
  const auto last = stored->last_delivery;
  consent::add_delivery(*stored, d);
  if (stored->first_delivery == first && stored->last_delivery == last) return;
  store(txn, at, *stored);
  if (first) return;
  auto e = event_of(journal::event_kind::consent_renewed, key, {.at = d.at, .actor = "gateway"});
  e.recipient = d.recipient;
  journal_->append(txn, e);
}

void consent_ledger::retract_delivery(write_txn& txn, const consent_key& key,
                                      recipient_id bounced) const {
  const auto at = key_of(key);
  auto stored = get(txn, at);
  if (!stored || !is_same_matter(*stored, key)) return;
  const auto before = *stored;
  consent::retract_delivery(*stored, bounced);
  if (*stored != before) store(txn, at, *stored);
}

}  // namespace consentry::policy::consent
