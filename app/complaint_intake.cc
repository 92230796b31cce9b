#include "app/complaint_intake.h"

#include <algorithm>

#include "app/evidence_gatherer.h"
#include "app/standing_review.h"
#include "base/bytes.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::app {

using smtp::auth::dkim_status;

std::optional<mail_facts> find_mail(const read_txn& txn, const store_rooms& rooms,
                                    recipient_id recipient) {
  if (const auto sent = rooms.tally.find(txn, recipient); sent && sent->delivered)
    return mail_facts{sent->tenant,   sent->message, sent->stream,
                      sent->campaign, sent->topic,   sent->person};
  const auto r = rooms.queue.recipient(txn, recipient);
  if (!r) return std::nullopt;
  const auto m = rooms.queue.message(txn, r->message);
  if (!m) return std::nullopt;
  return mail_facts{m->tenant, m->id, m->stream, m->campaign, m->topic, r->person};
}

journal::event complaint_event(instant at, recipient_id recipient,
                               const std::optional<mail_facts>& mail, std::string actor) {
  journal::event e;
  e.kind = journal::event_kind::complained;
  e.at = at;
  e.recipient = recipient;
  e.actor = std::move(actor);
  if (mail) {
    e.tenant = mail->tenant;
    e.message = mail->message;
    e.stream = mail->stream;
    e.person = mail->person;
    e.campaign = mail->campaign;
    e.topic = mail->topic;
  }
  return e;
}

void suppress_complainer(write_txn& txn, store_rooms& rooms, const mail_facts& mail,
                         recipient_id recipient, std::string source, instant at) {
  rooms.suppressions.add(txn, mail.tenant, mail.person,
                         {.reason = reputation::suppression_reason::complaint,
                          .source = std::move(source),
                          .at = at,
                          .recipient = recipient,
                          .campaign = mail.campaign},
                         "gateway");
  // Who complains has objected: the consent is not renewed by later silence (RULES A3).
  rooms.consents.object_all(txn, mail.tenant, mail.person, at);
}

counted_complaint count_complaint(write_txn& txn, store_rooms& rooms,
                                  const policy::rule_knobs& rules, const mail_facts& mail,
                                  recipient_id recipient, instant complained_at, instant now) {
  counted_complaint out;
  out.effect = rooms.tally.record_complaint(txn, recipient, complained_at).effect;
  // A second one can move the first to the cohort of another mail.
  const bool is_judged = out.effect == reputation::complaint_effect::counted ||
                         out.effect == reputation::complaint_effect::duplicate;
  out.blocks = is_judged && review_standing(txn, rooms, rules, mail.tenant, mail.campaign, now);
  return out;
}

namespace {

const reporter* find_reporter(const std::vector<reporter>& listed, const std::string& domain) {
  for (const auto& r : listed)
    if (std::find(r.dkim_domains.begin(), r.dkim_domains.end(), domain) != r.dkim_domains.end())
      return &r;
  return nullptr;
}

bool speaks_for(const reporter& who, const std::string& from, const std::string& domain) {
  const auto at = from.rfind('@');
  if (at == std::string::npos) return false;
  const auto host = std::string_view{from}.substr(at + 1);
  if (host != domain && !host.ends_with("." + domain)) return false;
  return who.from.empty() || std::find(who.from.begin(), who.from.end(), from) != who.from.end();
}

}  // namespace

reporter_proof prove(const std::vector<smtp::auth::dkim_result>& signatures,
                     const std::string& from, const std::vector<reporter>& listed) {
  reporter_proof out;
  out.why_not = "unsigned";
  for (const auto& s : signatures) {
    const auto* who = find_reporter(listed, ascii_lower(s.domain));
    if (s.status != dkim_status::pass) {
      out.may_pass_later =
          out.may_pass_later || (who != nullptr && s.status == dkim_status::temperror);
      out.why_not = "signature of " + printable(s.domain, 100) +
                    " does not verify: " + printable(s.reason, 100);
      continue;
    }
    // RFC 6376 section 3.6.1: a key in test mode makes a signature as good as none.
    if (s.is_testing) {
      out.why_not = "signature of " + printable(s.domain, 100) + " is a test (t=y)";
      continue;
    }
    // Text added behind an l= signature would be anybody's.
    if (s.has_length_limit) {
      out.why_not = "signature of " + printable(s.domain, 100) + " covers only a part of the body";
      continue;
    }
    if (who == nullptr)
      out.why_not = "reporter is not listed: " + printable(s.domain, 100);
    else if (!speaks_for(*who, from, ascii_lower(s.domain)))
      out.why_not = "From is not an address of the reporter: " + printable(s.domain, 100);
    else
      return {.reporter = who->name, .dkim_domain = ascii_lower(s.domain)};
  }
  return out;
}

std::string signature_digests(const std::vector<smtp::auth::dkim_result>& signatures,
                              const std::vector<std::string>& fields) {
  std::string out;
  for (std::size_t i = 0; i < signatures.size() && i < fields.size(); ++i) {
    if (signatures[i].status != dkim_status::pass) continue;
    for (const auto tag : split(fields[i], ';')) {
      const auto equals = tag.find('=');
      if (equals == std::string_view::npos || trim(tag.substr(0, equals)) != "b") continue;
      // Decoded: white space, and other unused bits, make no other signature.
      std::string text{tag.substr(equals + 1)};
      std::erase_if(text, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
      const auto digest = sha256(parse_base64(text).value_or(text));
      out += as_bytes(digest).substr(0, 16);
      break;
    }
  }
  return out;
}

weighed_report weigh(const reputation::feedback_report& report, const reporter_proof& proof,
                     const smtp::token_ring& tokens) {
  weighed_report out;
  out.type = report.type;
  for (const auto& t : report.tokens)
    if (!out.recipient) out.recipient = tokens.read(t.text, t.purpose);
  out.suppresses = reputation::is_complaint(report.type) || report.type == "opt-out" ||
                   report.type == "opt-out-list";
  if (!out.recipient)
    out.why_not = "no token of ours in it";
  else if (proof.reporter.empty())
    out.why_not = proof.why_not;
  else if (report.type == "not-spam")
    out.reverses = true;
  else if (!reputation::is_complaint(report.type))
    out.why_not = "type " + printable(report.type, 40) + " does not count";
  else
    out.may_count = true;
  return out;
}

weighed_report weigh_letter(const reputation::token_candidates& tokens, bool is_complaining,
                            const smtp::token_ring& ring) {
  weighed_report out;
  for (const auto& t : tokens)
    if (!out.recipient) out.recipient = ring.read(t.text, t.purpose);
  out.type = out.recipient ? "person" : "none";
  out.suppresses = out.recipient && is_complaining;
  out.why_not = "no feedback report in it";
  return out;
}

namespace {

bool is_letter(const weighed_report& r) {
  return r.type == "person" || r.type == "none";
}

// What the report did, as far as nobody has to decide.
struct effect {
  bool counts = false;
  bool is_open = false;  // a person has to decide
  std::string why;
};

effect apply(write_txn& txn, store_rooms& rooms, const policy::rule_knobs& rules,
             const weighed_report& r, const std::optional<mail_facts>& mail,
             const std::string& source, bool is_replayed, instant at,
             std::vector<tenant_id>& blocked) {
  effect out{.is_open = is_letter(r) || (reputation::is_complaint(r.type) && !is_replayed),
             .why = r.why_not};
  if (!mail) {
    if (r.recipient) out.why = "no mail of that number";
    return out;
  }
  // A forger, or a person, says the same again: it waits for its decision once.
  const auto before = rooms.suppressions.find(txn, mail->tenant, mail->person, at);
  const bool is_repeated = before && before->recipient == *r.recipient &&
                           before->reason == reputation::suppression_reason::complaint;
  if (r.suppresses) suppress_complainer(txn, rooms, *mail, *r.recipient, source, at);
  if (r.may_count) {
    const auto done = count_complaint(txn, rooms, rules, *mail, *r.recipient, at, at);
    out.counts = done.effect == reputation::complaint_effect::counted;
    out.is_open = false;
    if (!out.counts) out.why = reputation::to_string(done.effect);
    if (done.blocks) blocked.push_back(mail->tenant);
  } else if (r.reverses) {
    out.why =
        rooms.tally.reverse_complaint(txn, *r.recipient, at) ? "reversed" : "nothing to reverse";
  } else if (is_repeated) {
    out.is_open = false;
  }
  return out;
}

report_record record_of(const weighed_report& r, const reporter_proof& proof,
                        const report_arrival& arrival, const std::optional<mail_facts>& mail,
                        const effect& done) {
  report_record out;
  // What the reporter will say once more is not for a person yet.
  out.state = done.counts                             ? report_state::counted
              : done.is_open && !proof.may_pass_later ? report_state::open
                                                      : report_state::noted;
  out.at = arrival.at;
  out.type = printable(r.type, 100);
  out.channel = arrival.channel;
  out.why = done.why;
  out.recipient = r.recipient.value_or(recipient_id{});
  if (mail) {
    out.tenant = mail->tenant;
    out.message = mail->message;
    out.person = mail->person;
    out.campaign = mail->campaign;
  }
  out.reporter = proof.reporter;
  out.dkim_domain = proof.dkim_domain;
  out.from = arrival.from;
  out.mail_from = arrival.mail_from;
  out.remote_ip = arrival.remote_ip;
  return out;
}

// RULES C7, strictly more than the share. Told once a day.
std::optional<report_day> count_day(write_txn& txn, const store_rooms& rooms,
                                    const report_day& more, instant at, unsigned alarm_percent) {
  if (more.reports == 0) return std::nullopt;
  const auto day = reputation::day_of(at);
  auto sum = rooms.reports.day(txn, day);
  sum.reports += more.reports;
  sum.unattributed += more.unattributed;
  sum.counted += more.counted;
  const bool alarms =
      !sum.is_alarmed && alarm_percent != 0 && sum.unattributed * 100 > sum.reports * alarm_percent;
  if (alarms) {
    sum.is_alarmed = true;
    journal::event e;
    e.kind = journal::event_kind::desk_act;
    e.at = at;
    e.actor = "gateway";
    e.rule = "C7";
    e.reason = "fbl.unmatched_alarm";
    e.facts = {{"act", "alarm"},
               {"reports", std::to_string(sum.reports)},
               {"unattributed", std::to_string(sum.unattributed)}};
    rooms.journal.append(txn, e);
  }
  rooms.reports.put_day(txn, day, sum);
  return alarms ? std::optional{sum} : std::nullopt;
}

}  // namespace

recorded_reports record_reports(write_txn& txn, store_rooms& rooms, const policy::rule_knobs& rules,
                                const std::vector<weighed_report>& reports,
                                const reporter_proof& proof, const report_arrival& arrival,
                                unsigned unmatched_alarm_percent) {
  recorded_reports out;
  report_day today;
  const auto source =
      "arf:" + (proof.reporter.empty() ? std::string{"unproven"} : proof.dkim_domain);
  // RULES C2: a report that somebody sends once more moves no counter, in either direction.
  const bool is_replayed = rooms.reports.is_replayed(txn, arrival.signatures);
  for (auto r : reports) {
    if (is_replayed && (r.may_count || r.reverses)) {
      r.may_count = r.reverses = false;
      r.why_not = "replayed";
    }
    const auto mail = r.recipient ? find_mail(txn, rooms, *r.recipient) : std::nullopt;
    const auto done =
        apply(txn, rooms, rules, r, mail, is_letter(r) ? "mail:" + arrival.channel : source,
              is_replayed, arrival.at, out.blocked);
    auto e = complaint_event(arrival.at, r.recipient.value_or(recipient_id{}), mail, "gateway");
    e.facts["feedback_type"] = printable(r.type, 100);
    e.facts["channel"] = arrival.channel;
    if (!proof.reporter.empty()) e.facts["reporter"] = proof.reporter;
    e.facts["counts"] = done.counts ? "yes" : "no";
    if (!done.why.empty()) e.facts["why"] = done.why;
    auto record = record_of(r, proof, arrival, mail, done);
    record.number = rooms.journal.append(txn, e);
    if (out.numbers.empty()) {
      record.packed_raw = arrival.packed_raw;
      record.signatures = arrival.signatures;
    }
    record.raw_in = out.numbers.empty() ? record.number : out.numbers.front();
    if (rooms.reports.put(txn, record)) out.numbers.push_back(record.number);
    if (is_letter(r)) continue;
    ++today.reports;
    today.unattributed += mail ? 0 : 1;
    today.counted += done.counts ? 1 : 0;
  }
  out.alarm = count_day(txn, rooms, today, arrival.at, unmatched_alarm_percent);
  return out;
}

bool record_unsubscribe(write_txn& txn, store_rooms& rooms, const policy::rule_knobs& rules,
                        recipient_id recipient, std::string_view method, instant at) {
  const auto mail = find_mail(txn, rooms, recipient);
  if (!mail) return false;
  const policy::consent::act by{.at = at, .actor = std::string{method}};
  const auto tenant = rooms.tenants.find_tenant(txn, mail->tenant);
  if (tenant && !mail->topic.empty())
    rooms.consents.withdraw(txn,
                            {.tenant = mail->tenant,
                             .person = mail->person,
                             .sender = sender_identity(*tenant),
                             .topic = mail->topic},
                            at, method, by);
  else
    rooms.consents.withdraw_all(txn, mail->tenant, mail->person, at, method, by);
  const auto sent = rooms.tally.find(txn, recipient);
  if (sent && sent->delivered && !sent->unsubscribed && is_advertising(sent->stream))
    rooms.campaigns.count(txn, sent->tenant, sent->campaign, {.unsubscribed = 1}, rules, at);
  rooms.tally.mark(txn, recipient, reputation::sent_mark::unsubscribed);
  return true;
}

}  // namespace consentry::app
