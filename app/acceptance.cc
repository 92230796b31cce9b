#include "app/acceptance.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/outgoing_header.h"
#include "base/secret.h"
#include "base/text.h"
#include "queue/named_person.h"
#include "smtp/server/received.h"

namespace consentry::app {
namespace {

queue::queued_message queued(const acceptance& a) {
  queue::queued_message m;
  m.tenant = a.tenant;
  m.stream = a.stream;
  m.campaign = a.names.campaign;
  m.topic = a.names.topic;
  m.credential = a.credential;
  m.reverse_path = a.envelope.reverse_path.text();
  m.ret = a.envelope.ret;
  m.envid = a.envelope.envid;
  m.body = a.envelope.body;
  m.smtputf8 = a.envelope.smtputf8;
  m.tls = a.tls;
  m.sender_domain = a.from_domain;
  m.original_message_id = a.message_id_field;
  m.accepted_at = a.at;
  m.expires_at = a.expires_at;
  m.policy_version = a.policy_version;
  m.body_at = a.body.location;
  return m;
}

queue::queued_recipient queued(const judged_recipient& r, instant at) {
  queue::queued_recipient q;
  q.address = r.envelope.address.text();
  q.domain = r.envelope.address.ascii_domain();
  q.person = r.person;
  q.notify = r.envelope.notify;
  q.orcpt = r.envelope.orcpt;
  q.next_attempt_at = at;
  q.changed_at = at;
  if (r.verdict.decision == policy::decision::hold) {
    q.state = queue::recipient_state::held;
    q.reason = r.verdict.reason;
    q.rule = r.verdict.rule;
  }
  return q;
}

journal::event event_of(const acceptance& a, journal::event_kind kind, message_id message) {
  journal::event e;
  e.kind = kind;
  e.at = a.at;
  e.tenant = a.tenant;
  e.message = message;
  e.stream = a.stream;
  e.campaign = a.names.campaign;
  e.topic = a.names.topic;
  e.policy_version = a.policy_version;
  e.actor = "smtp:" + a.credential;
  return e;
}

std::vector<queue::notice_recipient> refused_ones(const acceptance& a) {
  std::vector<queue::notice_recipient> out;
  for (const auto& r : a.recipients) {
    if (r.is_taken()) continue;
    queue::notice_recipient n;
    n.address = r.envelope.address.text();
    n.notify = r.envelope.notify;
    n.orcpt = r.envelope.orcpt;
    n.code = r.verdict.enhanced;
    n.reason = r.verdict.reason;
    n.text = r.verdict.text;
    out.push_back(std::move(n));
  }
  return out;
}

// Some senders write their readers' addresses into Message-IDs; the journal can forget nothing, so
// it must not hear of them (RULES D4).
std::string without_recipients(const std::string& text, const acceptance& a) {
  auto out = text;
  for (const auto& r : a.recipients) {
    const auto key = r.envelope.address.key();
    const auto local = key.substr(0, key.rfind('@'));
    if (ascii_lower(out).find(local) != std::string::npos)
      out = queue::named_person{key, ""}.without(out);
  }
  return out;
}

}  // namespace

std::size_t acceptance::refused_count() const noexcept {
  return static_cast<std::size_t>(std::count_if(recipients.begin(), recipients.end(),
                                                [](const auto& r) { return !r.is_taken(); }));
}

std::size_t acceptance::held_count() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(recipients.begin(), recipients.end(),
                    [](const auto& r) { return r.verdict.decision == policy::decision::hold; }));
}

std::string acceptance::hold_reason() const {
  for (const auto& r : recipients)
    if (r.verdict.decision == policy::decision::hold) return r.verdict.reason;
  return {};
}

result<void> spool_submission(queue::spool& bodies, acceptance& a,
                              const smtp::server::session_info& session, const std::string& data,
                              const std::string& host_name, const queue::notice_settings& notices) {
  const auto unique = base32(random_bytes(15));
  header_additions add;
  add.received = smtp::server::received_field(session, a.envelope, host_name, unique, a.at);
  add.own_name = host_name;
  add.message_id_left = unique;
  add.message_id_right = a.from_domain.empty() ? host_name : a.from_domain;
  add.now = a.at;
  auto rewritten = rewrite_header(data, add, a.stream != smtp::stream::bulk);
  a.message_id_field = std::move(rewritten.message_id);
  a.stripped = std::move(rewritten.stripped);
  a.bytes = data.size();
  // RFC 8689 section 3: REQUIRETLS outranks the header.
  a.tls = a.envelope.require_tls                                    ? smtp::tls_wish::required
          : ascii_iequals(header_value(data, "TLS-Required"), "No") ? smtp::tls_wish::waived
                                                                    : smtp::tls_wish::none;
  a.body_sha256 = hex(as_bytes(sha256(data)));
  auto spooled = bodies.append(rewritten.data);
  if (!spooled) return spooled.error();
  a.body = std::move(*spooled);
  const auto refused = refused_ones(a);
  if (refused.empty()) return {};
  a.notice = queue::make_bounce_notice(notices, queued(a), refused, rewritten.data, a.at,
                                       a.expires_at, unique);
  if (!a.notice) return {};
  auto notice_body = bodies.append(a.notice->data);
  if (!notice_body) return notice_body.error();
  a.notice_body = std::move(*notice_body);
  a.notice->message.body_at = a.notice_body.location;
  return {};
}

namespace {

// Counts who gets this content. False: the count is another than that which was judged by.
bool count_content(write_txn& txn, store_rooms& rooms, const acceptance& a) {
  if (a.fingerprint.empty()) return true;
  auto window =
      rooms.fingerprints.window(txn, a.tenant, a.fingerprint, a.at, a.fingerprint_recipients);
  for (const auto& r : a.recipients) {
    if (window.turns_bulk(r.person) != r.is_bulk_by_content) return false;
    if (r.is_taken()) window.add(r.person);
  }
  rooms.fingerprints.put(txn, a.tenant, a.fingerprint, window);
  return true;
}

// What passed for an exemption shows in the history (RULES A6).
void note_exemptions(journal::event& e, const policy::verdict& v) {
  for (const auto& [category, by] : v.exemptions) e.facts["exempt_" + category] = by;
}

void put_digest(write_txn& txn, store_rooms& rooms, const acceptance& a, smtp::stream stream,
                message_id message, bool by_content) {
  auto d = a.digest;
  d.message = message;
  d.at = a.at;
  d.stream = stream;
  d.campaign = a.names.campaign;
  d.message_id_field = printable(without_recipients(a.message_id_field, a), 200);
  if (const auto body = parse_hex(a.body_sha256); body && body->size() == d.body.size())
    std::copy(body->begin(), body->end(), d.body.begin());
  d.bytes = a.bytes;
  for (const auto& r : a.recipients) {
    if (!r.is_taken() || r.is_bulk_by_content != by_content) continue;
    ++d.recipients;
    if (d.persons.size() < digest_persons_max) d.persons.push_back(r.person);
  }
  rooms.digests.put(txn, a.tenant, d);
}

// Those recipients that are, or are not, bulk by content: a message in its stream.
message_id accept_part(write_txn& txn, store_rooms& rooms, const acceptance& a, bool by_content) {
  std::vector<queue::queued_recipient> taken;
  for (const auto& r : a.recipients)
    if (r.is_taken() && r.is_bulk_by_content == by_content) taken.push_back(queued(r, a.at));
  if (taken.empty()) return {};
  auto m = queued(a);
  if (by_content) {
    m.stream = smtp::stream::bulk;
    m.expires_at = a.bulk_expires_at;
  }
  m.standing_epoch = rooms.blocker.standing_of(txn, a.tenant).epoch;
  const auto message = rooms.queue.accept(txn, m, taken);

  auto e = event_of(a, journal::event_kind::accepted, message);
  e.stream = m.stream;
  e.facts["recipients"] = std::to_string(taken.size());
  e.facts["size"] = std::to_string(a.bytes);
  e.facts["body_sha256"] = a.body_sha256;
  e.facts["original_message_id"] = printable(without_recipients(a.message_id_field, a), 900);
  if (!a.stripped.empty())
    e.facts["stripped"] = fmt::format("{}", fmt::join(a.stripped, ",")).substr(0, 900);
  if (by_content) e.facts["bulk_by_content"] = hex(a.fingerprint);
  for (const auto& r : a.recipients)
    if (r.is_taken() && r.is_bulk_by_content == by_content) note_exemptions(e, r.verdict);
  rooms.journal.append(txn, e);

  put_digest(txn, rooms, a, m.stream, message, by_content);

  recipient_id next{message.value + 1};
  decision_store::recording kept{txn, rooms.decisions, a.tenant, message, a.at, &a.text};
  for (const auto& r : a.recipients) {
    if (!r.is_taken() || r.is_bulk_by_content != by_content) continue;
    rooms.verdicts.put(txn, next, a.at, r.verdict);
    if (a.keeps_evidence) kept.put(next, r.facts);
    // RULES A2 5.3: of two that were judged at once only the first is the one; the gate asks again.
    if (a.stream == smtp::stream::doi)
      rooms.sign_ups.note_mail(
          txn, {.tenant = a.tenant, .person = r.person, .sender = a.sender, .topic = a.names.topic},
          message, a.at);
    if (r.verdict.decision == policy::decision::hold) {
      auto h = event_of(a, journal::event_kind::held, message);
      h.stream = m.stream;
      h.recipient = next;
      h.person = r.person;
      describe_verdict(h, r.verdict);
      rooms.journal.append(txn, h);
    }
    ++next.value;
  }
  return message;
}

}  // namespace

message_id record_acceptance(write_txn& txn, store_rooms& rooms, const acceptance& a) {
  if (!count_content(txn, rooms, a)) return {};
  auto message = accept_part(txn, rooms, a, false);
  const auto bulk = accept_part(txn, rooms, a, true);
  if (!message) message = bulk;
  if (a.refused_count() != 0) record_refusals(txn, rooms, a, message);
  count_asked(txn, rooms, a);
  if (a.notice) {
    auto notice = a.notice->message;
    notice.about = message;
    const auto id = rooms.queue.accept(txn, notice, {&a.notice->recipient, 1});
    auto n = event_of(a, journal::event_kind::notice_sent, id);
    n.recipient = recipient_id{id.value + 1};
    n.facts["for"] = to_string(message);
    rooms.journal.append(txn, n);
  }
  return message;
}

// RULES 5.2: whoever was asked counts, whether taken or refused.
void count_asked(write_txn& txn, store_rooms& rooms, const acceptance& a) {
  campaign_counts more;
  for (const auto& r : a.recipients) {
    if (!is_advertising(a.stream) && !r.is_bulk_by_content) continue;
    if (!r.is_taken() && !is_about_recipient(r.verdict.reason)) continue;
    ++more.asked;
    if (!r.is_taken() && is_unproven_reason(r.verdict.reason)) ++more.unproven;
    if (r.is_trap) ++more.traps;
  }
  if (more.asked != 0)
    rooms.campaigns.count(txn, a.tenant, a.names.campaign, more, a.knobs, a.at,
                          busiest_day_of(txn, rooms, a.tenant, a.at));
}

std::function<std::uint64_t()> busiest_day_of(const write_txn& txn, const store_rooms& rooms,
                                              tenant_id tenant, instant at) {
  return [&txn, &rooms, tenant, at] {
    constexpr std::uint32_t epochs_looked_at = 8;  // an unblock makes nobody new
    const auto window = reputation::window_ending(reputation::day_of(at) - 1, 30);
    const auto epoch = rooms.blocker.standing_of(txn, tenant).epoch;
    std::uint64_t most = 0;
    for (auto e = epoch; e > 0 && epoch - e < epochs_looked_at; --e)
      most = std::max(most, rooms.tally.busiest_day(txn, tenant, e, window));
    return most;
  };
}

message_id record_refusals(write_txn& txn, store_rooms& rooms, const acceptance& a,
                           message_id message) {
  // Refused recipients get numbers of their own behind the message's, so that each has its verdict.
  const auto count = a.refused_count();
  const bool is_own = !message;
  std::uint64_t next = rooms.ids.take(txn, count + (is_own ? 1 : 0));
  if (is_own) message = message_id{next++};
  decision_store::recording kept{txn, rooms.decisions, a.tenant, message, a.at, &a.text};
  for (const auto& r : a.recipients) {
    if (r.is_taken()) continue;
    auto e = event_of(a, journal::event_kind::refused, message);
    e.recipient = recipient_id{next++};
    e.person = r.person;
    describe_verdict(e, r.verdict);
    e.facts["phase"] = "message";
    e.facts["size"] = std::to_string(a.bytes);
    if (r.is_bulk_by_content) {
      e.stream = smtp::stream::bulk;
      e.facts["bulk_by_content"] = hex(a.fingerprint);
    }
    rooms.journal.append(txn, e);
    rooms.verdicts.put(txn, e.recipient, a.at, r.verdict);
    if (a.keeps_evidence) kept.put(e.recipient, r.facts);
  }
  return message;
}

void describe_verdict(journal::event& e, const policy::verdict& v) {
  e.reason = v.reason;
  e.rule = v.rule;
  e.policy_version = v.policy_version;
  for (const auto& [name, day] : v.dates) e.facts[name] = day;
  std::string patterns;
  for (const auto& f : v.matches) {
    if (patterns.size() > 800) break;
    patterns += (patterns.empty() ? "" : ",") + f.pattern;
  }
  if (!patterns.empty()) e.facts["patterns"] = patterns;
  note_exemptions(e, v);
}

smtp::reply to_reply(const failure& f) {
  if (f.kind == failure_kind::storage_full)
    return {
        .code = 452, .enhanced = {4, 3, 1}, .text = "insufficient system storage, try again later"};
  if (f.kind == failure_kind::limit)
    return {.code = 452, .enhanced = {4, 3, 1}, .text = "too much mail at once, try again later"};
  return {.code = 451,
          .enhanced = {4, 3, 0},
          .text = "the message could not be stored, try again later"};
}

}  // namespace consentry::app
