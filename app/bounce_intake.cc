#include "app/bounce_intake.h"

#include <algorithm>

#include "app/evidence_gatherer.h"
#include "base/text.h"

namespace consentry::app {

std::optional<late_bounce> read_late_bounce(const std::string& mail,
                                            const smtp::bounce_rules& rules) {
  std::optional<late_bounce> out;
  for (const auto& r : reputation::parse_bounce(mail).recipients) {
    if (r.is_delayed) return std::nullopt;
    auto verdict = reputation::classify(r, rules);
    if (out && (!smtp::is_hard(out->verdict.what) || smtp::is_hard(verdict.what))) continue;
    out = late_bounce{.verdict = std::move(verdict),
                      .status = smtp::to_string(r.said.enhanced),
                      .code = r.said.code,
                      .host = printable(r.remote_host, 255)};
  }
  return out;
}

namespace {

// No words of the report: they may name the person (RULES 10, D5).
journal::event event_about(const reputation::sent_record& sent, recipient_id recipient,
                           const late_bounce& b, instant at) {
  journal::event e;
  e.kind = journal::event_kind::bounced;
  e.at = at;
  e.tenant = sent.tenant;
  e.message = sent.message;
  e.recipient = recipient;
  e.stream = sent.stream;
  e.person = sent.person;
  e.campaign = sent.campaign;
  e.topic = sent.topic;
  e.actor = "gateway";
  e.reason = "bounce.late";
  const std::string what{to_string(b.verdict.what)};
  e.facts["after_delivery"] = b.status.empty() ? what : b.status;
  e.facts["class"] = what;
  if (!b.verdict.rule.empty()) e.facts["class_rule"] = b.verdict.rule;
  if (b.code != 0) e.facts["code"] = std::to_string(b.code);
  if (!b.host.empty()) e.facts["host"] = b.host;
  return e;
}

}  // namespace

std::optional<recorded_bounce> record_late_bounce(write_txn& txn, store_rooms& rooms,
                                                  const policy::rule_knobs& knobs,
                                                  recipient_id recipient, const late_bounce& b,
                                                  instant at) {
  const auto sent = rooms.tally.find(txn, recipient);
  if (!sent || !sent->delivered || sent->bounced) return std::nullopt;
  recorded_bounce out;
  out.what = event_about(*sent, recipient, b, at);
  const auto directory = rooms.directory.get();
  if (const auto* t = directory->find(sent->tenant)) out.what.facts["sender"] = sender_identity(*t);
  out.seq = rooms.journal.append(txn, out.what);
  rooms.tally.mark(txn, recipient, reputation::sent_mark::bounced);
  if (!smtp::is_hard(b.verdict.what)) return out;
  if (is_advertising(sent->stream))
    rooms.campaigns.count(txn, sent->tenant, sent->campaign, {.dead = 1}, knobs, at);
  rooms.suppressions.add(txn, sent->tenant, sent->person,
                         {.reason = reputation::suppression_reason::hard_bounce,
                          .source = "dsn:" + b.host,
                          .at = at,
                          .recipient = recipient,
                          .campaign = sent->campaign},
                         "gateway");
  return out;
}

}  // namespace consentry::app
