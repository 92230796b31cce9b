#include "app/erasure.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace consentry::app {
namespace {

namespace tenants = policy::tenants;

constexpr std::size_t messages_per_look = 5000;
constexpr std::size_t rows_per_look = 50'000;
constexpr std::size_t texts_per_look = 200;  // each is unpacked and decoded
constexpr std::size_t changes_per_commit = 200;
constexpr std::uint64_t redacted_bytes_per_commit = 4u << 20;
constexpr int passes_max = 20;
constexpr std::string_view cancel_reason = "person.erased";

failure invalid(std::string text) {
  return {.kind = failure_kind::invalid, .permanent = true, .public_text = std::move(text)};
}

// What one pass found, and what it will do.
struct found_mail {
  std::vector<recipient_id> recipients;  // to be cancelled
  std::vector<recipient_id> notices;     // the one recipient of each
  std::vector<message_id> shared;        // others wait for them too
  bool is_empty() const { return recipients.empty() && notices.empty(); }
};

std::size_t count_told_of(std::string_view notice) {
  constexpr std::string_view field = "\nfinal-recipient:";
  const auto lower = ascii_lower(notice);
  std::size_t n = 0;
  for (auto at = lower.find(field); at != std::string::npos; at = lower.find(field, at + 1)) ++n;
  return n;
}

class erasing {
 public:
  erasing(const erasure_parts& p, const erasure_request& r, erased_person who, std::string name)
      : p_{p}, rooms_{p.rooms}, r_{r}, who_{std::move(who)}, name_{std::move(name)} {
    report.person = who_.person;
    report.at = r.at.value_or(p.clock.now());
  }
  result<void> run();
  erasure_report report;

 private:
  result<found_mail> look();
  void look_at_bodies(const queue::queue_store::open_mail& open, found_mail& out) const;
  result<void> take_away();
  result<void> commit(const found_mail& found, bool is_first);
  void cancel(write_txn& txn, recipient_id id);
  result<void> redact();
  result<bool> redact_some(std::vector<message_id>& left);
  result<void> scrub();
  result<void> scrub_decisions();
  result<void> run_hooks();
  result<void> complete();
  template <class Id, class Next, class Each>
  result<void> in_slices(Next next, Each each);

  const erasure_parts& p_;
  store_rooms& rooms_;
  const erasure_request& r_;
  erased_person who_;
  std::string name_;             // declared
  std::set<message_id> shared_;  // messages whose bodies may name the person
};

result<void> erasing::run() {
  if (auto done = take_away(); !done) return done;
  if (auto done = redact(); !done) return done;
  if (auto done = scrub(); !done) return done;
  // What scrub() met again: mail of an erasure that a crash had broken off.
  if (auto done = redact(); !done) return done;
  if (auto done = run_hooks(); !done) return done;
  return complete();
}

void erasing::look_at_bodies(const queue::queue_store::open_mail& open, found_mail& out) const {
  for (const auto& r : open.recipients) out.recipients.push_back(r.id);
  for (const auto& m : open.messages) {
    const auto theirs = std::count_if(open.recipients.begin(), open.recipients.end(),
                                      [&](const auto& r) { return r.message == m.id; });
    if (m.recipients_open != theirs) out.shared.push_back(m.id);
  }
  for (const auto& m : open.notices) {
    const auto body = rooms_.bodies.read(m.body_at);
    if (!body || !who_.name.is_in(*body)) continue;
    if (count_told_of(*body) <= 1)
      out.notices.push_back(recipient_id{m.id.value + 1});
    else
      out.shared.push_back(m.id);
  }
}

result<found_mail> erasing::look() {
  found_mail out;
  std::string resume;
  do {
    auto slice = rooms_.env.read([&](const read_txn& txn) {
      return rooms_.queue.open_of_person(txn, who_.tenant, who_.person, resume, messages_per_look);
    });
    if (!slice) return slice.error();
    look_at_bodies(*slice, out);
    resume = slice->resume;
  } while (!resume.empty());
  return out;
}

void erasing::cancel(write_txn& txn, recipient_id id) {
  const queue::queue_store::visit journaled = [&](write_txn& t, const queue::queued_message& m,
                                                  const queue::queued_recipient& r) {
    journal::event e;
    e.kind = journal::event_kind::purged;
    e.at = report.at;
    e.tenant = m.tenant;
    e.message = m.id;
    e.recipient = r.id;
    e.stream = m.stream;
    e.person = r.person;
    e.campaign = m.campaign;
    e.topic = m.topic;
    e.reason = cancel_reason;
    e.rule = "D4";
    e.actor = r_.actor;
    rooms_.journal.append(t, e);
  };
  rooms_.queue.cancel(txn, id, cancel_reason, report.at, journaled);
}

result<void> erasing::commit(const found_mail& found, bool is_first) {
  const policy::consent::act by{.at = report.at, .actor = r_.actor};
  policy::consent::consent_ledger::erased erased;
  auto done = rooms_.commits.run([&](write_txn& txn) {
    for (const auto id : found.recipients) cancel(txn, id);
    for (const auto id : found.notices) cancel(txn, id);
    // Not in the first pass only: somebody may sign the person up meanwhile.
    rooms_.sign_ups.erase_person(txn, who_.tenant, who_.person);
    if (!is_first) return;
    erased = rooms_.consents.erase_person(txn, who_.tenant, who_.person, report.at, r_.method,
                                          r_.reason, by);
    rooms_.suppressions.forget_source(txn, who_.tenant, who_.person, [&](std::string_view source) {
      return who_.name.is_named_in(source);
    });
    rooms_.erasures.begin(txn, {.tenant = who_.tenant,
                                .person = who_.person,
                                .address = r_.address,
                                .name = name_,
                                .method = r_.method,
                                .record = {.at = report.at,
                                           .reason = r_.reason,
                                           .actor = r_.actor,
                                           .entry = rooms_.journal.last(txn)}});
  });
  if (!done) return done;
  report.consents += erased.consents;
  report.was_known = report.was_known || erased.consents != 0 || erased.person;
  report.cancelled += found.recipients.size();
  report.notices += found.notices.size();
  return {};
}

// Mail that came in between the look and the commit is found by the next pass; there is less each
// time, since the tombstone refuses bulk mail from the first commit on.
result<void> erasing::take_away() {
  for (int pass = 0; pass < passes_max; ++pass) {
    const auto found = look();
    if (!found) return found.error();
    shared_.insert(found->shared.begin(), found->shared.end());
    if (pass > 0 && found->is_empty()) return {};
    if (auto done = commit(*found, pass == 0); !done) return done;
  }
  return failure{.kind = failure_kind::unavailable,
                 .public_text = "mail to this person keeps coming in: ask again"};
}

// A batch of bodies is copied without the person and takes the place of the old ones. What the
// rewrite of the spool moved meanwhile stays in `left`. True: something was changed or is left.
result<bool> erasing::redact_some(std::vector<message_id>& left) {
  struct new_body {
    message_id message;
    queue::spool_location from;
    queue::spooled_body to;
    bool is_done = false;
  };
  std::vector<new_body> bodies;
  std::uint64_t bytes = 0;
  while (!left.empty() && bytes < redacted_bytes_per_commit) {
    const auto id = left.back();
    const auto m =
        rooms_.env.read([&](const read_txn& txn) { return rooms_.queue.message(txn, id); });
    if (!m) return m.error();
    left.pop_back();
    if (!*m || (*m)->recipients_open == 0) continue;  // ended meanwhile
    const auto body = rooms_.bodies.read((*m)->body_at);
    if (!body || !who_.name.is_in(*body)) continue;  // nobody can read it; or done before
    auto appended = rooms_.bodies.append(who_.name.redacted(*body));
    if (!appended) return appended.error();
    bytes += body->size();
    bodies.push_back({id, (*m)->body_at, std::move(*appended), false});
  }
  if (bodies.empty()) return false;
  auto done = rooms_.commits.run([&](write_txn& txn) {
    for (auto& b : bodies)
      b.is_done = rooms_.queue.move_body(txn, b.message, b.from, b.to.location);
  });
  if (!done) return done.error();
  for (const auto& b : bodies) {
    if (b.is_done) {
      rooms_.bodies.moved(b.from, b.to.location);
      ++report.redacted;
    } else {
      left.push_back(b.message);
    }
  }
  return true;
}

result<void> erasing::redact() {
  std::vector<message_id> left{shared_.begin(), shared_.end()};
  shared_.clear();
  while (!left.empty()) {
    const auto some = redact_some(left);
    if (!some) return some.error();
  }
  return {};
}

// next(txn, resume) gives some ids, each(txn, id) changes what belongs to one.
template <class Id, class Next, class Each>
result<void> erasing::in_slices(Next next, Each each) {
  Id resume{};
  do {
    const auto ids = rooms_.env.read([&](const read_txn& txn) { return next(txn, resume); });
    if (!ids) return ids.error();
    for (std::size_t i = 0; i < ids->size(); i += changes_per_commit) {
      std::uint64_t changed = 0;
      auto done = rooms_.commits.run([&](write_txn& txn) {
        changed = 0;
        for (auto k = i; k < std::min(ids->size(), i + changes_per_commit); ++k)
          changed += each(txn, (*ids)[k]);
      });
      if (!done) return done;
      report.scrubbed += changed;
    }
  } while (resume);
  return {};
}

result<void> erasing::scrub() {
  auto& q = rooms_.queue;
  const auto& name = who_.name;
  const auto theirs = [&](const read_txn& txn, recipient_id& resume) {
    return q.all_of_person(txn, who_.person, resume, rows_per_look);
  };
  auto done = in_slices<recipient_id>(
      theirs, [&](write_txn& txn, const queue::queued_recipient& r) -> std::uint64_t {
        if (const auto m = q.message(txn, r.message); m && m->recipients_open != 0)
          shared_.insert(m->id);
        return q.forget(txn, r.id, name) + q.forget(txn, r.message, name) +
               rooms_.verdicts.forget_matches(txn, r.id);
      });
  if (!done) return done;
  const auto messages = [&](const read_txn& txn, message_id& resume) {
    return q.naming(txn, name, resume, rows_per_look);
  };
  done = in_slices<message_id>(messages, [&](write_txn& txn, message_id id) -> std::uint64_t {
    return q.forget(txn, id, name);
  });
  if (!done) return done;
  const auto recipients = [&](const read_txn& txn, recipient_id& resume) {
    return q.naming(txn, name, resume, rows_per_look);
  };
  done = in_slices<recipient_id>(recipients, [&](write_txn& txn, recipient_id id) -> std::uint64_t {
    return q.forget(txn, id, name);
  });
  if (!done) return done;
  const auto verdicts = [&](const read_txn& txn, recipient_id& resume) {
    return rooms_.verdicts.naming(txn, name, resume, rows_per_look);
  };
  done = in_slices<recipient_id>(verdicts, [&](write_txn& txn, recipient_id id) -> std::uint64_t {
    return rooms_.verdicts.forget_matches(txn, id);
  });
  if (!done) return done;
  return scrub_decisions();
}

// The evidence kept for replays, with the texts that went to them or name them.
result<void> erasing::scrub_decisions() {
  const auto& decisions = rooms_.decisions;
  const auto theirs = [&](const read_txn& txn, recipient_id& resume) {
    return decisions.of_person(txn, who_.tenant, who_.person, resume, rows_per_look);
  };
  auto done = in_slices<recipient_id>(
      theirs,
      [&](write_txn& txn, recipient_id id) -> std::uint64_t { return decisions.forget(txn, id); });
  if (!done) return done;
  const auto& digests = rooms_.digests;
  const auto digested = [&](const read_txn& txn, message_id& resume) {
    return digests.of_person(txn, who_.tenant, who_.person, resume, rows_per_look);
  };
  if (!done) return done;
  done = in_slices<message_id>(digested, [&](write_txn& txn, message_id id) -> std::uint64_t {
    return digests.erase(txn, who_.tenant, id);
  });
  if (!done) return done;
  const auto texts = [&](const read_txn& txn, recipient_id& resume) {
    return decisions.texts_naming(txn, who_.tenant, who_.name, resume, texts_per_look);
  };
  return in_slices<recipient_id>(texts, [&](write_txn& txn, recipient_id id) -> std::uint64_t {
    return decisions.erase_text(txn, id);
  });
}

result<void> erasing::run_hooks() {
  for (const auto& hook : p_.hooks) {
    const auto changed = hook(who_);
    if (!changed) return changed.error();
    report.files += *changed;
  }
  return {};
}

result<void> erasing::complete() {
  return rooms_.commits.run(
      [&](write_txn& txn) { rooms_.erasures.complete(txn, who_.tenant, who_.person); });
}

std::string declared_name(store_rooms& rooms, tenant_id tenant, const std::string& person) {
  const auto known = rooms.env.read(
      [&](const read_txn& txn) { return rooms.consents.find_person(txn, tenant, person); });
  return known && *known ? (*known)->name : std::string{};
}

// Whether anything at all is known: then there is something to take away.
result<bool> is_known(store_rooms& rooms, tenant_id tenant, const std::string& person) {
  bool found = false;
  std::string resume;
  do {
    auto slice = rooms.env.read([&](const read_txn& txn) {
      found = found || rooms.consents.find_person(txn, tenant, person) ||
              !rooms.consents.list(txn, tenant, person).empty() ||
              !rooms.sign_ups.sign_ups_of(txn, tenant, person).empty();
      return rooms.queue.open_of_person(txn, tenant, person, resume, messages_per_look);
    });
    if (!slice) return slice.error();
    found = found || !slice->recipients.empty();
    resume = slice->resume;
  } while (!found && !resume.empty());
  return found;
}

}  // namespace

result<erasure_report> erase_person(const erasure_parts& parts, const erasure_request& r) {
  const auto directory = parts.rooms.directory.get();
  const auto* t = directory->find(r.tenant);
  if (t == nullptr)
    return failure{
        .kind = failure_kind::not_found, .permanent = true, .public_text = "no such tenant"};
  if (trim(r.reason).empty() || r.reason.size() > 500 || !is_valid_utf8(r.reason))
    return invalid("a reason is needed, in at most 500 bytes");
  const auto person = tenants::pseudonym(*t, r.address);
  const auto declared = r.name.empty() ? declared_name(parts.rooms, r.tenant, person) : r.name;
  if (!r.at && queue::named_person{r.address, declared}.is_named_in(r.reason))
    return invalid("the reason must not name the person: it is kept");
  if (r.only_if_known) {
    const auto known = is_known(parts.rooms, r.tenant, person);
    if (!known) return known.error();
    if (!*known) return erasure_report{.person = person};
  }
  erasing e{parts, r, {r.tenant, person, {r.address, declared}}, declared};
  if (auto done = e.run(); !done) return done.error();
  return e.report;
}

result<std::vector<std::pair<tenant_id, erasure_report>>> erase_everywhere(
    const erasure_parts& parts, const std::string& address, const std::string& reason,
    const std::string& actor) {
  std::vector<std::pair<tenant_id, erasure_report>> out;
  const auto directory = parts.rooms.directory.get();
  const auto platform_person = tenants::platform_pseudonym(parts.rooms.platform_key, address);
  std::vector<queue::named_person> names{{address, {}}};
  for (const auto& t : directory->tenants()) {
    names.emplace_back(address, declared_name(parts.rooms, t.id, tenants::pseudonym(t, address)));
    const auto done = erase_person(parts, {.tenant = t.id,
                                           .address = address,
                                           .reason = reason,
                                           .actor = actor,
                                           .only_if_known = true});
    if (!done) return done.error();
    if (done->at != instant{}) out.emplace_back(t.id, *done);
  }
  // A suppression for all tenants stays, by the platform's pseudonym: it protects the person. What
  // somebody wrote as its source goes.
  auto forgotten = parts.rooms.commits.run([&](write_txn& txn) {
    parts.rooms.suppressions.forget_source(
        txn, tenant_id{}, platform_person, [&](std::string_view source) {
          return std::any_of(names.begin(), names.end(),
                             [&](const auto& n) { return n.is_named_in(source); });
        });
  });
  if (!forgotten) return forgotten.error();
  return out;
}

result<std::size_t> resume_erasures(const erasure_parts& parts, instant begun_before) {
  constexpr std::size_t at_once = 100;
  std::size_t resumed = 0;
  for (;;) {
    const auto some = parts.rooms.env.read([&](const read_txn& txn) {
      return parts.rooms.erasures.at_work(txn, begun_before, at_once);
    });
    if (!some) return some.error();
    for (const auto& e : *some) {
      const auto done = erase_person(parts, {.tenant = e.tenant,
                                             .address = e.address,
                                             .reason = e.record.reason,
                                             .actor = e.record.actor,
                                             .method = e.method,
                                             .at = e.record.at,
                                             .name = e.name});
      if (!done) return done.error();
      ++resumed;
    }
    if (some->size() < at_once) return resumed;
  }
}

bool erase_records(write_txn& txn, store_rooms& rooms, tenant_id tenant, std::string_view person,
                   instant at, std::string_view method, std::string_view reason,
                   const policy::consent::act& by) {
  const auto erased = rooms.consents.erase_person(txn, tenant, person, at, method, reason, by);
  // A sign-up that waits is no consent, and may come after an erasure: gone in any case.
  rooms.sign_ups.erase_person(txn, tenant, person);
  if (!erased.is_news()) return false;
  rooms.sign_ups.erase_person(txn, tenant, person);
  rooms.suppressions.forget_source(txn, tenant, person);
  rooms.erasures.put(txn, tenant, person,
                     {.at = at,
                      .reason = std::string{reason},
                      .actor = by.actor,
                      .entry = rooms.journal.last(txn)});
  return true;
}

}  // namespace consentry::app
