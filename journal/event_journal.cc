#include "journal/event_journal.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "journal/event_codec.h"
#include "journal/hash_chain.h"

namespace consentry::journal {
namespace {

constexpr std::size_t looked_at_max = 100'000;

std::string seq_key(journal_seq seq) {
  return byte_writer{}.be64(seq.value).take();
}

std::string message_key(std::uint64_t message, std::uint64_t seq) {
  return byte_writer{}.be64(message).be64(seq).take();
}

std::string person_key(tenant_id tenant, std::string_view person, journal_seq seq) {
  CONSENTRY_CHECK(person.size() == 16);
  return byte_writer{}.be32(tenant.value).raw(person).be64(seq.value).take();
}

// Stands in the index of persons once it covers the whole journal.
std::string person_index_mark() {
  return std::string(28, '\0');
}

journal_seq seq_of(std::string_view key) {
  byte_reader in{key};
  const journal_seq seq{in.be64()};
  if (!in.at_end()) throw decode_error("journal: a key of wrong size");
  return seq;
}

// An entry as it lies in the store; views point into the transaction.
struct stored_entry {
  digest256 hash{};
  std::string_view encoded;
};

stored_entry split_entry(std::string_view value) {
  byte_reader in{value};
  stored_entry s;
  const auto hash = in.raw(s.hash.size());
  std::memcpy(s.hash.data(), hash.data(), hash.size());
  s.encoded = in.rest();
  return s;
}

entry entry_of(journal_seq seq, std::string_view value) {
  const auto stored = split_entry(value);
  return {seq, stored.hash, decode_event(stored.encoded)};
}

bool is_worth_decoding(const event_filter& filter, std::string_view value) {
  if (!filter.person.empty() && value.find(filter.person) == std::string_view::npos) return false;
  if (!filter.tenant && filter.kinds.empty()) return true;
  const auto head = peek_event(split_entry(value).encoded);
  return filter.may_let_through(head.kind, head.tenant);
}

// What is wrong with the entry that should be `seq`, empty if nothing; moves head on over it.
std::string flaw(const cursor& c, journal_seq seq, digest256& head) {
  if (seq_of(c.key()) != seq) return "missing";
  try {
    const auto stored = split_entry(c.value());
    if (chain_hash(head, seq, stored.encoded) != stored.hash)
      return "its hash does not follow from the entry before it";
    decode_event(stored.encoded);
    head = stored.hash;
    return {};
  } catch (const decode_error& e) {
    return e.what();
  }
}

}  // namespace

bool event_filter::lets_through(const event& e) const noexcept {
  return (!tenant || e.tenant == tenant) && (!recipient || e.recipient == recipient) &&
         (person.empty() || e.person == person) &&
         (kinds.empty() || std::ranges::find(kinds, e.kind) != kinds.end());
}

bool event_filter::may_let_through(event_kind kind, tenant_id whose) const noexcept {
  return (!tenant || whose == tenant) &&
         (kinds.empty() || std::ranges::find(kinds, kind) != kinds.end());
}

bool tells_of_person(const event& e) noexcept {
  if (e.person.empty()) return false;
  switch (e.kind) {
    case event_kind::complained:
    case event_kind::consent_given:
    case event_kind::consent_confirmed:
    case event_kind::consent_renewed:
    case event_kind::consent_refused:
    case event_kind::consent_withdrawn:
    case event_kind::consent_expired:
    case event_kind::consent_erased:
    case event_kind::consent_corrected:
    case event_kind::signed_up:
      return true;
    default:
      return false;
  }
}

event_journal::event_journal(store_env& env)
    : entries_{env.open_table("journal")},
      by_message_{env.open_table("journal_by_message")},
      by_person_{env.open_table("journal_by_person")} {
  index_persons(env);
}

void event_journal::index_persons(store_env& env) const {
  if (env.begin_read().get(by_person_, person_index_mark())) return;
  for (journal_seq from{1}; from;) {
    std::vector<entry> found;
    auto txn = env.begin_write();
    {
      auto c = txn.scan(entries_);
      std::size_t looked_at = 0;
      bool more = c.seek(seq_key(from));
      for (; more && looked_at < looked_at_max; more = c.next(), ++looked_at) try {
          auto e = entry_of(seq_of(c.key()), c.value());
          if (tells_of_person(e.what)) found.push_back(std::move(e));
        } catch (const decode_error&) {
          // verify() tells of it; a start does not fail for it.
        }
      from = more ? seq_of(c.key()) : journal_seq{};
    }
    for (const auto& e : found) link_person(txn, e.what.tenant, e.what.person, e.seq);
    if (!from) txn.put(by_person_, person_index_mark(), {});
    txn.commit();
  }
}

journal_seq event_journal::append(write_txn& txn, const event& what) const {
  journal_seq seq{1};
  digest256 previous = chain_start;
  {
    auto c = txn.scan(entries_);
    if (c.last()) {
      seq.value = seq_of(c.key()).value + 1;
      previous = split_entry(c.value()).hash;
    }
  }
  const auto encoded = encode(what);
  const auto hash = chain_hash(previous, seq, encoded);
  txn.append(entries_, seq_key(seq), byte_writer{}.raw(as_bytes(hash)).raw(encoded).bytes());
  if (what.message) txn.put(by_message_, message_key(what.message.value, seq.value), {});
  if (tells_of_person(what)) link_person(txn, what.tenant, what.person, seq);
  return seq;
}

void event_journal::link_person(write_txn& txn, tenant_id tenant, std::string_view person,
                                journal_seq seq) const {
  txn.put(by_person_, person_key(tenant, person, seq), {});
}

std::vector<entry> event_journal::of_person(const read_txn& txn, tenant_id tenant,
                                            std::string_view person, std::size_t limit) const {
  std::vector<entry> found;
  const auto prefix = person_key(tenant, person, {}).substr(0, 20);
  auto c = txn.scan(by_person_);
  for (bool more = c.seek_last(person_key(tenant, person, journal_seq{UINT64_MAX}));
       more && c.key().starts_with(prefix) && found.size() < limit; more = c.previous()) {
    const auto seq = seq_of(c.key().substr(prefix.size()));
    auto e = read(txn, seq);
    // Older ranges may have been archived.
    if (e) found.push_back(std::move(*e));
  }
  std::ranges::reverse(found);
  return found;
}

std::optional<entry> event_journal::read(const read_txn& txn, journal_seq seq) const {
  const auto value = txn.get(entries_, seq_key(seq));
  if (!value) return std::nullopt;
  return entry_of(seq, *value);
}

journal_seq event_journal::last(const read_txn& txn) const {
  auto c = txn.scan(entries_);
  return c.last() ? seq_of(c.key()) : journal_seq{};
}

journal_page event_journal::scan(const read_txn& txn, journal_seq from, std::size_t limit,
                                 const event_filter& filter) const {
  journal_page page;
  auto c = txn.scan(entries_);
  std::size_t looked_at = 0;
  for (bool more = c.seek(seq_key(from)); more; more = c.next()) {
    const auto seq = seq_of(c.key());
    if (page.entries.size() >= limit || looked_at++ >= looked_at_max) {
      page.next = seq;
      break;
    }
    // Most entries need not be decoded.
    if (!is_worth_decoding(filter, c.value())) continue;
    auto e = entry_of(seq, c.value());
    if (filter.lets_through(e.what)) page.entries.push_back(std::move(e));
  }
  return page;
}

auto event_journal::tenants_in(const read_txn& txn, journal_seq from, std::size_t limit,
                               const std::vector<event_kind>& kinds) const -> touched {
  touched out{.tenants = {}, .through = {from.value - 1}};
  const event_filter filter{.kinds = kinds};
  auto c = txn.scan(entries_);
  for (bool more = c.seek(seq_key(from)); more && limit-- != 0; more = c.next()) {
    const auto head = peek_event(split_entry(c.value()).encoded);
    if (filter.may_let_through(head.kind, head.tenant)) out.tenants.push_back(head.tenant);
    out.through = seq_of(c.key());
  }
  std::ranges::sort(out.tenants);
  out.tenants.erase(std::unique(out.tenants.begin(), out.tenants.end()), out.tenants.end());
  return out;
}

auto event_journal::scan_raw(const read_txn& txn, journal_seq from, std::size_t limit) const
    -> std::vector<raw_entry> {
  std::vector<raw_entry> out;
  auto c = txn.scan(entries_);
  for (bool more = c.seek(seq_key(from)); more && out.size() < limit; more = c.next()) {
    const auto stored = split_entry(c.value());
    out.push_back({seq_of(c.key()), stored.hash, std::string{stored.encoded}});
  }
  return out;
}

std::vector<entry> event_journal::tail(const read_txn& txn, std::size_t limit,
                                       const event_filter& filter) const {
  std::vector<entry> found;
  auto c = txn.scan(entries_);
  std::size_t looked_at = 0;
  for (bool more = c.last(); more && found.size() < limit && looked_at++ < looked_at_max;
       more = c.previous()) {
    if (!is_worth_decoding(filter, c.value())) continue;
    auto e = entry_of(seq_of(c.key()), c.value());
    if (filter.lets_through(e.what)) found.push_back(std::move(e));
  }
  std::ranges::reverse(found);
  return found;
}

std::vector<entry> event_journal::of_message(const read_txn& txn, message_id message,
                                             std::size_t limit) const {
  std::vector<entry> found;
  auto c = txn.scan(by_message_);
  for (bool more = c.seek(message_key(message.value, 0)); more && found.size() < limit;
       more = c.next()) {
    byte_reader in{c.key()};
    if (in.be64() != message.value) break;
    const journal_seq seq{in.be64()};
    auto e = read(txn, seq);
    if (!e) throw decode_error("journal: the index names an entry that is not there");
    found.push_back(std::move(*e));
  }
  return found;
}

std::optional<message_id> event_journal::message_of(const read_txn& txn,
                                                    recipient_id recipient) const {
  auto c = txn.scan(by_message_);
  if (!c.seek_last(message_key(recipient.value, UINT64_MAX))) return std::nullopt;
  return message_id{byte_reader{c.key()}.be64()};
}

verify_report event_journal::verify(const read_txn& txn, journal_seq from, journal_seq to) const {
  verify_report report;
  auto c = txn.scan(entries_);
  const auto newest = last(txn);
  if (!to || to > newest) to = newest;
  if (!from) {
    if (!c.first()) return report;
    from = seq_of(c.key());
    // Only the first entry of all has nothing before it; older ranges may have been archived.
    if (from.value != 1) ++from.value;
  }
  if (from > to) return report;
  if (from.value > 1) {
    const auto before = txn.get(entries_, seq_key({from.value - 1}));
    if (!before) {
      report.broken = {from.value - 1};
      report.what = "missing";
      return report;
    }
    report.head = split_entry(*before).hash;
  }
  bool more = c.seek(seq_key(from));
  for (journal_seq seq = from; seq <= to; ++seq.value, more = more && c.next()) {
    report.what = more ? flaw(c, seq, report.head) : "missing";
    if (!report.what.empty()) {
      report.broken = seq;
      return report;
    }
    ++report.checked;
    report.last = seq;
  }
  return report;
}

}  // namespace consentry::journal
