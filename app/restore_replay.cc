#include "app/restore_replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/journal_file.h"
#include "app/restore_marker.h"
#include "base/bytes.h"
#include "base/civil_date.h"
#include "base/log.h"
#include "journal/event_codec.h"

namespace consentry::app {
namespace {

using journal::event_kind;

constexpr std::size_t entries_per_commit = 500;
constexpr std::string_view reached_key = "reached", begun_key = "begun", first_key = "first";
// More numbers than are given between two copies.
constexpr std::uint64_t numbers_left_out = 1'000'000'000;

struct place {
  journal_seq seq;
  digest256 hash{};
  friend bool operator==(const place&, const place&) = default;
};

std::string encode(const place& p) {
  return byte_writer{}.be64(p.seq.value).raw(as_bytes(p.hash)).take();
}

place decode_place(std::string_view bytes) {
  byte_reader in{bytes};
  place p;
  p.seq = {in.be64()};
  const auto hash = in.raw(p.hash.size());
  std::copy(hash.begin(), hash.end(), p.hash.begin());
  return p;
}

std::string fact(const journal::event& e, const char* name) {
  const auto found = e.facts.find(name);
  return found == e.facts.end() ? std::string{} : found->second;
}

std::uint64_t number_of(const std::string& text) {
  std::uint64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

place newest_in(const store_rooms& rooms, const read_txn& txn) {
  place p{.seq = rooms.journal.last(txn), .hash = journal::chain_start};
  if (p.seq) p.hash = rooms.journal.read(txn, p.seq)->hash;
  return p;
}

struct told_entry {
  place at;
  journal::event what;
  bool is_done = false;  // by erase(), before the place is noted
};

class replaying {
 public:
  replaying(const erasure_parts& p, const std::filesystem::path& file)
      : parts_{p}, rooms_{p.rooms}, file_{file}, table_{p.rooms.env.open_table("restore")} {}
  result<void> run();
  replay_report report;

 private:
  using counts = std::map<std::string, std::uint64_t>;

  result<place> find_begin();
  result<void> flush();
  result<void> erase(const told_entry& e);
  result<void> finish();
  result<void> tell();
  bool apply(write_txn& txn, const journal::event& e);
  bool withdraw(write_txn& txn, const journal::event& e);
  bool complain(write_txn& txn, const journal::event& e);
  bool end_of_mail(write_txn& txn, const journal::event& e);
  bool suppress(write_txn& txn, const journal::event& e);
  bool lift(write_txn& txn, const journal::event& e);
  bool standing(write_txn& txn, const journal::event& e);
  bool tenant_state(write_txn& txn, const journal::event& e);
  bool remove_tenant(write_txn& txn, const journal::event& e);
  bool end_exemption(write_txn& txn, const journal::event& e);
  void append_again(write_txn& txn, const journal::event& e);
  void see_numbers(const journal::event& e);

  const erasure_parts& parts_;
  store_rooms& rooms_;
  const std::filesystem::path file_;
  table table_;
  std::vector<told_entry> slice_;
  std::uint64_t highest_number_ = 0;
  place last_;  // of the file
};

// A person asked for it (RULES A2 10), or its 90 days were over.
bool is_removal(const journal::event& e) {
  return e.kind == event_kind::tenant_removed ||
         (e.kind == event_kind::desk_act && fact(e, "act") == "tenant.erase");
}

// What a person ended must not pass again (RULES A6).
bool is_end_of_exemption(const journal::event& e) {
  return e.kind == event_kind::desk_act && fact(e, "act") == "exemption.end";
}

bool is_replayed(const journal::event& e) {
  if (is_removal(e) || is_end_of_exemption(e)) return true;
  switch (e.kind) {
    case event_kind::consent_withdrawn:
    case event_kind::consent_erased:
    case event_kind::complained:
    case event_kind::suppressed:
    case event_kind::unsuppressed:
    case event_kind::standing_changed:
    case event_kind::delivered:
    case event_kind::bounced:
    case event_kind::purged:
    case event_kind::tenant_changed:
      return true;
    default:
      return false;
  }
}

bool is_lost(event_kind k) {
  return k == event_kind::consent_given || k == event_kind::consent_confirmed ||
         k == event_kind::consent_imported || k == event_kind::consent_corrected ||
         k == event_kind::tenant_added || k == event_kind::accepted;
}

bool replaying::withdraw(write_txn& txn, const journal::event& e) {
  const auto told = parse_timestamp(fact(e, "withdrawn_at"));
  const auto at = told.value_or(e.at);
  const policy::consent::act by{.at = e.at, .actor = e.actor};
  const auto method = fact(e, "method");
  if (e.topic.empty()) return rooms_.consents.withdraw_all(txn, e.tenant, e.person, at, method, by);
  return rooms_.consents.withdraw(
      txn, {.tenant = e.tenant, .person = e.person, .sender = fact(e, "sender"), .topic = e.topic},
      at, method, by);
}

void replaying::append_again(write_txn& txn, const journal::event& e) {
  auto again = e;
  again.facts["replayed"] = "yes";
  rooms_.journal.append(txn, again);
}

bool replaying::complain(write_txn& txn, const journal::event& e) {
  // What the desk confirmed counts as of when it came.
  if (e.recipient && fact(e, "counts") == "yes")
    rooms_.tally.record_complaint(txn, e.recipient,
                                  parse_timestamp(fact(e, "complained_at")).value_or(e.at));
  if (!e.person.empty()) rooms_.consents.object_all(txn, e.tenant, e.person, e.at);
  append_again(txn, e);
  return true;
}

// Deliveries are told to the tally too, so that a complaint about them counts.
bool replaying::end_of_mail(write_txn& txn, const journal::event& e) {
  const bool is_delivered = e.kind == event_kind::delivered;
  if (is_delivered && e.recipient && e.message && e.person.size() == 16)
    rooms_.tally.record_delivered(txn, {.recipient = e.recipient,
                                        .message = e.message,
                                        .tenant = e.tenant,
                                        .epoch = rooms_.blocker.standing_of(txn, e.tenant).epoch,
                                        .stream = e.stream,
                                        .campaign = e.campaign,
                                        .topic = e.topic,
                                        .person = e.person,
                                        .at = e.at,
                                        .provider = fact(e, "provider")});
  if (auto r = rooms_.queue.recipient(txn, e.recipient); r && !queue::is_final(r->state)) {
    r->state = is_delivered                    ? queue::recipient_state::delivered
               : e.kind == event_kind::bounced ? queue::recipient_state::bounced
                                               : queue::recipient_state::cancelled;
    r->changed_at = e.at;
    r->reason = e.reason;
    rooms_.queue.update(txn, *r);
  }
  append_again(txn, e);
  return true;
}

bool replaying::suppress(write_txn& txn, const journal::event& e) {
  const auto reason = reputation::parse_suppression_reason(e.reason);
  if (!reason || e.person.size() != 16) return false;
  return rooms_.suppressions.add(txn, e.tenant, e.person,
                                 {.reason = *reason,
                                  .source = fact(e, "source"),
                                  .at = e.at,
                                  .expires_at = parse_timestamp(fact(e, "expires_at")),
                                  .message = e.message,
                                  .recipient = e.recipient,
                                  .campaign = e.campaign},
                                 e.actor);
}

bool replaying::lift(write_txn& txn, const journal::event& e) {
  if (e.person.size() != 16) return false;
  return rooms_.suppressions.remove(txn, e.tenant, e.person, e.actor, e.reason, e.at).has_value();
}

bool replaying::standing(write_txn& txn, const journal::event& e) {
  return rooms_.blocker.replay(
      txn, e.tenant,
      {.bulk_blocked = fact(e, "to") == "bulk_blocked",
       .epoch = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, number_of(fact(e, "epoch")))),
       .since = e.at,
       .cause = e.reason,
       .actor = e.actor});
}

bool replaying::tenant_state(write_txn& txn, const journal::event& e) {
  const auto to = policy::tenants::parse_tenant_state(fact(e, "to"));
  const auto now = rooms_.tenants.find_tenant(txn, e.tenant);
  if (!to || !now || now->state == *to) return false;
  const auto done = rooms_.tenants.change_state(txn, e.tenant, *to, e.reason, e.actor, e.at);
  return done.has_value();
}

// The rows go as they do after any order: slice by slice, by the task of the daemon that follows.
bool replaying::remove_tenant(write_txn& txn, const journal::event& e) {
  const auto t = rooms_.tenants.find_tenant(txn, e.tenant);
  if (!t) return false;
  auto domains = rooms_.tenants.remove_tenant(txn, e.tenant);
  if (!domains) return false;
  rooms_.removals.put(txn, {.tenant = e.tenant,
                            .name = t->name,
                            .reason = e.reason,
                            .actor = e.actor,
                            .begun_at = e.at,
                            .queue_rows_after = e.at,
                            .domains = std::move(*domains)});
  if (e.kind == event_kind::desk_act) append_again(txn, e);
  return true;
}

bool replaying::end_exemption(write_txn& txn, const journal::event& e) {
  const auto number = policy::tenants::parse_exemption_id(fact(e, "exemption"));
  if (!number) return false;
  const auto ended = rooms_.exemptions.end(txn, e.tenant, *number, e.reason, e.actor, e.at);
  return ended && ended->ended_at == e.at;
}

bool replaying::apply(write_txn& txn, const journal::event& e) {
  if (is_removal(e)) return remove_tenant(txn, e);
  if (is_end_of_exemption(e)) return end_exemption(txn, e);
  switch (e.kind) {
    case event_kind::consent_withdrawn:
      return withdraw(txn, e);
    case event_kind::complained:
      return complain(txn, e);
    case event_kind::delivered:
    case event_kind::bounced:
    case event_kind::purged:
      return end_of_mail(txn, e);
    case event_kind::suppressed:
      return suppress(txn, e);
    case event_kind::unsuppressed:
      return lift(txn, e);
    case event_kind::standing_changed:
      return standing(txn, e);
    case event_kind::tenant_changed:
      return tenant_state(txn, e);
    case event_kind::consent_erased: {
      const auto told = parse_timestamp(fact(e, "erased_at"));
      return erase_records(txn, rooms_, e.tenant, e.person, told.value_or(e.at), fact(e, "method"),
                           e.reason, {.at = e.at, .actor = e.actor});
    }
    default:
      return false;
  }
}

// One transaction for the slice and for the place reached with it.
result<void> replaying::flush() {
  if (slice_.empty()) return {};
  counts changed, same, lost;
  auto done = rooms_.commits.run([&](write_txn& txn) {
    changed.clear();
    same.clear();
    lost.clear();
    for (const auto& [at, e, is_done] : slice_) {
      const auto name = std::string{journal::to_string(e.kind)};
      if (is_done) continue;
      const bool is_known = !e.tenant || rooms_.tenants.find_tenant(txn, e.tenant).has_value();
      if (is_lost(e.kind) || (is_replayed(e) && !is_known))
        ++lost[name];
      else if (is_replayed(e))
        ++(apply(txn, e) ? changed : same)[name];
    }
    txn.put(table_, reached_key, encode(slice_.back().at));
    if (!txn.get(table_, first_key)) txn.put(table_, first_key, encode(slice_.front().at));
  });
  if (!done) return done;
  for (const auto& [name, n] : changed) report.replayed[name] += n;
  for (const auto& [name, n] : same) report.unchanged[name] += n;
  for (const auto& [name, n] : lost) report.impossible[name] += n;
  slice_.clear();
  return {};
}

// Where the address is still known to this old copy, it goes from mail and texts too.
result<void> replaying::erase(const told_entry& e) {
  const auto told = parse_timestamp(fact(e.what, "erased_at"));
  std::string address;
  const auto looked = rooms_.env.read([&](const read_txn& txn) {
    if (const auto p = rooms_.consents.find_person(txn, e.what.tenant, e.what.person))
      address = p->address;
    const auto open =
        rooms_.queue.open_of_person(txn, e.what.tenant, e.what.person, {}, SIZE_MAX).recipients;
    if (!address.empty() || open.empty()) return;
    const auto mailbox = smtp::mailbox::parse(open.front().address);
    if (mailbox) address = mailbox->key();
  });
  if (!looked) return looked;
  told_entry again = e;
  if (address.empty()) {
    slice_.push_back(std::move(again));
    return {};
  }
  // What came before it first; and the place is only noted once the erasure is whole, so that a
  // crash meanwhile repeats it.
  if (auto done = flush(); !done) return done;
  const auto erased = erase_person(parts_, {.tenant = e.what.tenant,
                                            .address = address,
                                            .reason = e.what.reason,
                                            .actor = e.what.actor,
                                            .method = fact(e.what, "method"),
                                            .at = told.value_or(e.what.at)});
  again.is_done = erased.has_value();
  if (erased)
    ++report.replayed[std::string{journal::to_string(e.what.kind)}];
  else if (erased.error().kind != failure_kind::not_found)  // without the tenant, no persons
    return erased.error();
  slice_.push_back(std::move(again));
  return flush();
}

void replaying::see_numbers(const journal::event& e) {
  auto last = std::max(e.message.value, e.recipient.value);
  if (e.kind == event_kind::accepted)
    last = std::max(last, e.message.value + number_of(fact(e, "recipients")));
  highest_number_ = std::max(highest_number_, last);
}

// The last place of the file that this store knows. Reads it whole, which verifies its chain.
result<place> replaying::find_begin() {
  place newest{.hash = journal::chain_start};
  std::optional<place> reached, begun;
  const auto looked = rooms_.env.read([&](const read_txn& txn) {
    newest = newest_in(rooms_, txn);
    if (const auto bytes = txn.get(table_, reached_key)) reached = decode_place(*bytes);
    if (const auto bytes = txn.get(table_, begun_key)) begun = decode_place(*bytes);
  });
  if (!looked) return looked.error();
  auto reader = journal_file_reader::open(file_);
  if (!reader) return reader.error();
  std::optional<place> begin;
  const auto look_at = [&](const place& p) {
    if (p == newest || (reached && p == *reached) || (begun && p == *begun)) begin = p;
  };
  look_at({{reader->from().value - 1}, reader->previous()});
  for (;;) {
    const auto line = reader->next();
    if (!line) return line.error();
    if (!*line) break;
    look_at({(*line)->seq, (*line)->hash});
  }
  if (begin) return *begin;
  // It may end before this copy was taken: then it must be a part of what is here.
  const auto known = rooms_.env.read(
      [&](const read_txn& txn) { return rooms_.journal.read(txn, reader->last()); });
  if (!known) return known.error();
  if (*known && (*known)->hash == reader->head()) return place{reader->last(), reader->head()};
  return failure{
      .kind = failure_kind::invalid,
      .permanent = true,
      .public_text = fmt::format("{}: is not the history of this store: entry {} is not in it, or "
                                 "another one",
                                 file_.string(), newest.seq.value)};
}

// Told once, also where a crash came between the last slice and this: the first slice leaves a
// note.
result<void> replaying::finish() {
  std::optional<place> first;
  const auto looked = rooms_.env.read([&](const read_txn& txn) {
    if (const auto bytes = txn.get(table_, first_key)) first = decode_place(*bytes);
  });
  if (!looked) return looked;
  if (first) {
    report.from = first->seq;
    report.through = std::max(report.through, last_.seq);
    if (auto done = tell(); !done) return done;
  }
  auto over = rooms_.commits.run([&](write_txn& txn) { txn.erase(table_, begun_key); });
  if (!over) return over;
  const auto seen =
      rooms_.env.read([&](const read_txn& txn) { rooms_.blocker.refresh_closed(txn); });
  if (!seen) return seen;
  return rooms_.reload_directory();
}

// Tokens in mail that was sent since the copy hold numbers of that time: they are not given twice.
result<void> replaying::tell() {
  return rooms_.commits.run([&](write_txn& txn) {
    if (highest_number_ != 0) {
      const auto next = rooms_.ids.take(txn, 1);
      if (next <= highest_number_) rooms_.ids.take(txn, highest_number_ - next + 1);
    }
    journal::event e;
    e.kind = event_kind::desk_act;
    e.at = parts_.clock.now();
    e.reason = "journal replayed after a restore";
    e.rule = "A2.8";
    e.actor = "gateway";
    e.facts["from"] = std::to_string(report.from.value);
    e.facts["through"] = std::to_string(report.through.value);
    for (const auto& [name, n] : report.replayed) e.facts["replayed_" + name] = std::to_string(n);
    for (const auto& [name, n] : report.impossible) e.facts["missing_" + name] = std::to_string(n);
    rooms_.journal.append(txn, e);
    txn.erase(table_, first_key);
  });
}

result<void> replaying::run() {
  const auto begin = find_begin();
  if (!begin) return begin.error();
  // One that a replay before this had begun: the ledger has forgotten its address already.
  if (auto resumed = resume_erasures(parts_, instant::max()); !resumed) return resumed.error();
  auto reader = journal_file_reader::open(file_);
  if (!reader) return reader.error();
  for (;;) {
    auto line = reader->next();
    if (!line) return line.error();
    if (!*line) break;
    told_entry e{{(*line)->seq, (*line)->hash}, journal::decode_event((*line)->event)};
    see_numbers(e.what);
    last_ = e.at;
    if (e.at.seq <= begin->seq) continue;
    if (!report.from) report.from = e.at.seq;
    report.through = e.at.seq;
    if (e.what.kind == event_kind::consent_erased) {
      if (auto done = erase(e); !done) return done;
      continue;
    }
    slice_.push_back(std::move(e));
    if (slice_.size() >= entries_per_commit)
      if (auto done = flush(); !done) return done;
  }
  if (auto done = flush(); !done) return done;
  if (auto done = finish(); !done) return done;
  return unmark_restored(rooms_.env.folder());
}

}  // namespace

result<void> begin_restored(store_rooms& rooms) {
  if (!is_marked_restored(rooms.env.folder())) return {};
  const auto t = rooms.env.open_table("restore");
  return rooms.commits.run([&](write_txn& txn) {
    if (txn.get(t, begun_key)) return;
    txn.put(t, begun_key, encode(newest_in(rooms, txn)));
    rooms.ids.take(txn, numbers_left_out);
  });
}

result<replay_report> replay_journal(const erasure_parts& parts,
                                     const std::filesystem::path& file) {
  try {
    replaying r{parts, file};
    if (auto done = r.run(); !done) return done.error();
    return r.report;
  } catch (const decode_error& e) {
    return failure{.kind = failure_kind::invalid,
                   .permanent = true,
                   .public_text = file.string() + ": an entry does not decode: " + e.what()};
  }
}

}  // namespace consentry::app
