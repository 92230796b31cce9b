#include "app/outcome_recorder.h"

#include "app/evidence_gatherer.h"
#include "app/standing_review.h"
#include "base/log.h"
#include "base/text.h"

namespace consentry::app {
namespace {

journal::event event_about(journal::event_kind kind, instant at, const queue::queued_message& m,
                           const queue::queued_recipient& r) {
  journal::event e;
  e.kind = kind;
  e.at = at;
  e.tenant = m.tenant;
  e.message = m.id;
  e.recipient = r.id;
  e.stream = m.stream;
  e.person = r.person;
  e.campaign = m.campaign;
  e.topic = m.topic;
  e.actor = "gateway";
  return e;
}

journal::event_kind kind_of(smtp::outcome_kind k) {
  switch (k) {
    case smtp::outcome_kind::delivered:
      return journal::event_kind::delivered;
    case smtp::outcome_kind::deferred:
      return journal::event_kind::deferred;
    case smtp::outcome_kind::bounced:
      return journal::event_kind::bounced;
  }
  return journal::event_kind::deferred;
}

// RULES 5.4: of recipients whose delivery came to an end at a server, how many are dead addresses.
void count_ended(write_txn& txn, store_rooms& rooms, const queue::queued_message& m, bool is_dead,
                 const policy::rule_knobs& knobs, instant at) {
  if (!is_advertising(m.stream)) return;
  rooms.campaigns.count(txn, m.tenant, m.campaign,
                        {.ended = 1, .dead = is_dead ? std::uint64_t{1} : 0}, knobs, at);
}

void add_fact(journal::event& e, const char* name, std::string value) {
  if (!value.empty()) e.facts[name] = to_valid_utf8(value.substr(0, 1000));
}

}  // namespace

void outcome_recorder::record(write_txn& txn, const queue::queued_message& m,
                              const queue::queued_recipient& r, const smtp::outcome& o,
                              const queue::attempt_facts& facts) {
  auto e = event_about(kind_of(o.kind), facts.at, m, r);
  // The final dot may have reached the next hop though its answer did not reach us: it will be sent
  // again, and the reader may get it twice. The journal says so.
  if (facts.maybe_delivered) e.kind = journal::event_kind::attempted;
  e.reason = facts.reason;
  e.rule = facts.rule;
  e.policy_version = facts.policy_version;
  // The one that took the message, where another one decides now.
  if (!facts.policy_version.empty() && facts.policy_version != m.policy_version)
    add_fact(e, "accepted_under", m.policy_version);
  add_fact(e, "attempt", std::to_string(facts.number));
  const auto reply = o.last_reply.code != 0 ? to_string(o.last_reply) : std::string{};
  add_fact(e, "reply", queue::without_address(reply, r));
  add_fact(e, "cause", queue::without_address(o.cause, r));
  add_fact(e, "host", o.remote_host);
  add_fact(e, "ip", o.remote_ip);
  add_fact(e, "tls", o.tls);
  if (o.kind == smtp::outcome_kind::delivered) add_fact(e, "dkim", o.signed_by);
  if (facts.bounce != smtp::bounce_class::none) {
    add_fact(e, "class", std::string{to_string(facts.bounce)});
    add_fact(e, "class_rule", facts.bounce_rule);
  }
  const bool is_delivered = o.kind == smtp::outcome_kind::delivered;
  std::string provider;
  if (is_delivered) {
    if (providers_) provider = providers_(o.remote_host, r.domain);
    add_fact(e, "provider", provider);
    const auto directory = rooms_.directory.get();
    if (const auto* t = directory->find(m.tenant)) add_fact(e, "sender", sender_identity(*t));
  }
  const auto seq = rooms_.journal.append(txn, e);
  if (m.is_notice) return;
  const bool is_dead =
      o.kind == smtp::outcome_kind::bounced && facts.transmitted && smtp::is_hard(facts.bounce);
  if (facts.transmitted && o.kind != smtp::outcome_kind::deferred)
    count_ended(txn, rooms_, m, is_dead, knobs_(), facts.at);
  // RULES A3: the consent lapsed while the mail was in the queue; its own history says so too.
  if (o.kind == smtp::outcome_kind::bounced && facts.reason == "consent.expired")
    note_expired(txn, m, r, facts);
  if (is_delivered) {
    const auto epoch = rooms_.blocker.standing_of(txn, m.tenant).epoch;
    const auto counted = rooms_.tally.record_delivered(txn, {.recipient = r.id,
                                                             .message = m.id,
                                                             .tenant = m.tenant,
                                                             .epoch = epoch,
                                                             .stream = m.stream,
                                                             .campaign = m.campaign,
                                                             .topic = m.topic,
                                                             .person = r.person,
                                                             .at = facts.at,
                                                             .provider = provider});
    // Its complaint came first: the figures are judged now that it counts.
    if (counted.moves_complaints)
      review_standing(txn, rooms_, knobs_(), m.tenant, m.campaign, facts.at);
    std::lock_guard lock{mutex_};
    delivered_.insert_or_assign(r.id, pending{seq, std::move(e)});
  } else if (is_dead) {
    // RULES 5.4, M3AAWG: no further mail to an address that its own server calls dead.
    rooms_.suppressions.add(txn, m.tenant, r.person,
                            {.reason = reputation::suppression_reason::hard_bounce,
                             .source = "smtp:" + o.remote_host,
                             .at = facts.at,
                             .recipient = r.id,
                             .campaign = m.campaign},
                            "gateway");
  }
}

void outcome_recorder::note_expired(write_txn& txn, const queue::queued_message& m,
                                    const queue::queued_recipient& r,
                                    const queue::attempt_facts& facts) {
  const auto directory = rooms_.directory.get();
  const auto* t = directory->find(m.tenant);
  if (t == nullptr) return;
  rooms_.consents.note_expired(
      txn,
      {.tenant = m.tenant, .person = r.person, .sender = sender_identity(*t), .topic = m.topic},
      r.id, facts.rule, {.at = facts.at, .actor = "gateway"}, m.id);
}

void outcome_recorder::held(write_txn& txn, const queue::queued_message& m,
                            const queue::queued_recipient& r, const queue::dispatch_decision& why) {
  auto e = event_about(journal::event_kind::held, clock_.now(), m, r);
  e.reason = why.reason;
  e.rule = why.rule;
  e.policy_version = why.policy_version;
  if (why.policy_version != m.policy_version) add_fact(e, "accepted_under", m.policy_version);
  rooms_.journal.append(txn, e);
}

void outcome_recorder::notice_queued(write_txn& txn, const queue::queued_message& notice,
                                     const queue::queued_recipient& to) {
  auto e = event_about(journal::event_kind::notice_sent, notice.accepted_at, notice, to);
  e.facts["for"] = to_string(notice.about);
  rooms_.journal.append(txn, e);
}

void outcome_recorder::settled(const queue::queued_message& m, const queue::queued_recipient& r,
                               const smtp::outcome& o, const queue::attempt_facts& facts) {
  std::optional<pending> done;
  {
    std::lock_guard lock{mutex_};
    if (const auto found = delivered_.find(r.id); found != delivered_.end()) {
      done = std::move(found->second);
      delivered_.erase(found);
    }
  }
  if (done) rooms_.renewals.observe(done->seq, done->what);
  rooms_.counts.outcome_of(m.stream, o.kind);
  if (facts.transmitted) rooms_.counts.delivery_times.observe(facts.took);
  if (!log::is_on(log::level::info)) return;  // its texts are not free
  const auto said = o.last_reply.code != 0 ? to_string(o.last_reply) : o.cause;
  log::info("app/outcome_recorder", std::string{to_string(o.kind)},
            {{"message", to_string(m.id)},
             {"recipient", to_string(r.id)},
             {"campaign", m.campaign},
             {"attempt", facts.number},
             {"host", o.remote_host},
             {"tls", o.tls},
             {"reply", queue::without_address(said, r)},
             {"class", to_string(facts.bounce)},
             {"took_ms", facts.took.count()}});
}

}  // namespace consentry::app
