#include "app/complaint_intake.h"

#include <algorithm>

#include "app/evidence_gatherer.h"
#include "base/text.h"

namespace consentry::app {
namespace {

using smtp::auth::dkim_status;

// RULES C3.
bool is_complaint(std::string_view type) {
  return type == "abuse" || type == "fraud" || type == "virus";
}

}  // namespace

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

namespace {

journal::event event_about(journal::event_kind kind, instant at, recipient_id recipient,
                           const std::optional<mail_facts>& mail) {
  journal::event e;
  e.kind = kind;
  e.at = at;
  e.recipient = recipient;
  e.actor = "gateway";
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

void suppress(write_txn& txn, store_rooms& rooms, const mail_facts& mail, recipient_id recipient,
              const reporter_proof& proof, instant at) {
  const auto source =
      "arf:" + (proof.reporter.empty() ? std::string{"unproven"} : proof.dkim_domain);
  rooms.suppressions.add(txn, mail.tenant, mail.person,
                         {.reason = reputation::suppression_reason::complaint,
                          .source = source,
                          .at = at,
                          .recipient = recipient,
                          .campaign = mail.campaign},
                         "gateway");
  // Who complains has objected: the consent is not renewed by later silence (RULES A3).
  rooms.consents.object_all(txn, mail.tenant, mail.person, at);
}

// Blocks the tenant if its figures say so now. True: it was not blocked before.
bool block_if_tripped(write_txn& txn, store_rooms& rooms, const policy::rule_knobs& rules,
                      const mail_facts& mail, instant at) {
  reputation::standing_knobs knobs;
  knobs.ratio_floor = static_cast<std::uint64_t>(rules.ratio_floor);
  knobs.window_days = rules.ratio_window_days;
  const auto epoch = rooms.blocker.standing_of(txn, mail.tenant).epoch;
  const auto window = reputation::window_ending(reputation::day_of(at), knobs.window_days);
  const auto decision = reputation::decide(
      rooms.tally.figures_with(txn, mail.tenant, epoch, window, mail.campaign), knobs);
  return decision.verdict == reputation::standing_verdict::block &&
         rooms.blocker.block_for_ratio(txn, mail.tenant, decision, at);
}

}  // namespace

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

weighed_report weigh(const reputation::feedback_report& report, const reporter_proof& proof,
                     const smtp::token_ring& tokens) {
  weighed_report out;
  out.type = report.type;
  for (const auto& t : report.tokens)
    if (!out.recipient) out.recipient = tokens.read(t.text, t.purpose);
  out.suppresses =
      is_complaint(report.type) || report.type == "opt-out" || report.type == "opt-out-list";
  if (!out.recipient)
    out.why_not = "no token of ours in it";
  else if (proof.reporter.empty())
    out.why_not = proof.why_not;
  else if (report.type == "not-spam")
    out.reverses = true;
  else if (!is_complaint(report.type))
    out.why_not = "type " + printable(report.type, 40) + " does not count";
  else
    out.may_count = true;
  return out;
}

std::vector<tenant_id> record_reports(write_txn& txn, store_rooms& rooms,
                                      const policy::rule_knobs& rules,
                                      const std::vector<weighed_report>& reports,
                                      const reporter_proof& proof, instant at) {
  std::vector<tenant_id> blocked;
  for (const auto& r : reports) {
    const auto mail = r.recipient ? find_mail(txn, rooms, *r.recipient) : std::nullopt;
    auto e = event_about(journal::event_kind::complained, at, r.recipient.value_or(recipient_id{}),
                         mail);
    e.facts["feedback_type"] = printable(r.type, 100);
    if (!proof.reporter.empty()) e.facts["reporter"] = proof.reporter;
    std::string why = r.why_not;
    bool counts = false;
    if (mail && r.suppresses) suppress(txn, rooms, *mail, *r.recipient, proof, at);
    if (mail && r.may_count) {
      const auto done = rooms.tally.record_complaint(txn, *r.recipient, at);
      counts = done.effect == reputation::complaint_effect::counted;
      if (!counts) why = reputation::to_string(done.effect);
    } else if (mail && r.reverses) {
      why =
          rooms.tally.reverse_complaint(txn, *r.recipient, at) ? "reversed" : "nothing to reverse";
    } else if (r.recipient && !mail) {
      why = "no mail of that number";
    }
    e.facts["counts"] = counts ? "yes" : "no";
    if (!why.empty()) e.facts["why"] = why;
    rooms.journal.append(txn, e);
    if (counts && block_if_tripped(txn, rooms, rules, *mail, at)) blocked.push_back(mail->tenant);
  }
  return blocked;
}

bool record_unsubscribe(write_txn& txn, store_rooms& rooms, recipient_id recipient,
                        std::string_view method, instant at) {
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
  rooms.tally.mark(txn, recipient, reputation::sent_mark::unsubscribed);
  return true;
}

}  // namespace consentry::app
