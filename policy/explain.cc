#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "policy/judge.h"

namespace consentry::policy {

namespace {

struct rule_sentence {
  std::string_view id;
  std::string_view text;
};

constexpr std::array<rule_sentence, 20> sentences{{
    {"A1.1", "The same content to more than a few people within 24 hours is bulk mail."},
    {"A1.2",
     "Consent belongs to sender, topic and recipient; a campaign without a topic is refused."},
    {"A2.1", "An account and its sender domains are verified before any mail is taken (terms 1)."},
    {"A2.4", "An account is restricted where third parties or the law are harmed (terms 4)."},
    {"A2.5.1", "Advertising needs prior, unambiguous, express consent of its own (terms 5.1)."},
    {"A2.5.2", "Every member of a list is proven, or gets no bulk mail (terms 5.2)."},
    {"A2.5.2.1",
     "Consent must not have been withdrawn since; only newer consent restores it (terms 5.2.1)."},
    {"A2.5.3", "Sign-ups are confirmed one person at a time (terms 5.3)."},
    {"A2.5.4",
     "Lists are kept clean: dead addresses are not mailed again, and a late first mailing says who "
     "writes and why (terms 5.4)."},
    {"A2.9", "A late payer's bulk mail is limited; automations and forms go on (terms 2, 9)."},
    {"A2.12", "A terminated account sends nothing (terms 12)."},
    {"A3",
     "Consent lasts twelve months to the day; a mailing delivered within them and not objected to "
     "renews it (terms 5.2.1)."},
    {"A4",
     "With a purchase: the tick was not removed, and the purchase is at most twelve months old or "
     "renewed (terms 5.2.1)."},
    {"A5", "More than one complaint in a thousand mails blocks bulk mail (terms 5.2)."},
    {"B.7505", "A domain with a null MX takes no mail (RFC 7505)."},
    {"B.9989",
     "Who sends in bulk has a DMARC record, and the gateway's DKIM key, aligned with From (RFC "
     "9989)."},
    {"C5", "Who complained gets no more, before anybody looks (RULES C5)."},
    {"E4", "A person at the desk holds and releases mail, with a reason (RULES E4)."},
    {"D1", "A consent that was given until a day ends with that day (RULES D1)."},
    {"D3", "Withdrawing is as easy as giving, and holds at once (RULES D3)."},
}};

std::string or_dash(std::string_view text) {
  return text.empty() ? "-" : printable(text, 120);
}

void add_consent(std::vector<std::pair<std::string, std::string>>& in,
                 const consent::consent_record& c) {
  const auto time = [](const std::optional<instant>& t) {
    return t ? to_string_budapest(*t) : std::string{"-"};
  };
  in.emplace_back("consent given", time(c.given_at));
  in.emplace_back("consent method", or_dash(c.method));
  in.emplace_back("consent provenance", or_dash(c.provenance));
  in.emplace_back("consent proof",
                  or_dash(c.notice.hash.empty() ? c.evidence_reference : c.notice.hash));
  if (c.doi_sent_at) in.emplace_back("confirmation asked", time(c.doi_sent_at));
  if (c.confirmed_at) in.emplace_back("consent confirmed", time(c.confirmed_at));
  if (c.tick != consent::tick_state::none)
    in.emplace_back("consent tick", consent::to_string(c.tick));
  if (c.box_came_ticked) in.emplace_back("box came ticked", *c.box_came_ticked ? "yes" : "no");
  if (c.purchase_day) in.emplace_back("purchase", consentry::to_string(*c.purchase_day));
  if (c.expires_on) in.emplace_back("consent given until", consentry::to_string(*c.expires_on));
  if (c.withdrawn_at) in.emplace_back("withdrawn", time(c.withdrawn_at));
  if (c.unticked_at) in.emplace_back("unticked", time(c.unticked_at));
  if (c.objected_at) in.emplace_back("objected", time(c.objected_at));
  if (c.first_delivery) in.emplace_back("first delivery", time(c.first_delivery->at));
  if (c.last_delivery) in.emplace_back("last delivery", time(c.last_delivery->at));
  if (c.declared_delivery_day)
    in.emplace_back("declared delivery", consentry::to_string(*c.declared_delivery_day));
}

// What was found, and what is wrong with it; of a header field its name says where.
std::string shown(const filters::finding& f) {
  if (f.note.empty()) return printable(f.matched, 100);
  if (f.matched.empty() || f.zone == filters::zone::header) return printable(f.note, 100);
  return printable(f.matched, 100) + " (" + printable(f.note, 100) + ")";
}

void add_line(std::string& out, std::string_view name, std::string_view value) {
  out += fmt::format("{:<22}{}\n", name, value);
}

}  // namespace

std::string_view rule_text(std::string_view rule_id) noexcept {
  for (const auto& s : sentences)
    if (s.id == rule_id) return s.text;
  if (rule_id.starts_with('H') || rule_id.starts_with('S') || rule_id == "A6")
    return "The content is one of the fifteen that the terms forbid or suspect (terms 5.5).";
  return "";
}

explanation explain(const verdict& v, const evidence& e) {
  explanation x;
  x.decision = to_string(v.decision);
  x.reason = v.reason;
  x.rule = v.rule;
  x.rule_text = rule_text(v.rule);
  x.text = v.text;
  x.policy_version = v.policy_version;
  auto& in = x.inputs;
  in.emplace_back("asked at", to_string(e.phase));
  in.emplace_back("time", to_string_budapest(e.now));
  in.emplace_back("tenant", or_dash(e.tenant_name));
  in.emplace_back("tenant state", tenants::to_string(e.tenant_state));
  in.emplace_back("bulk blocked", e.is_bulk_blocked ? "yes" : "no");
  in.emplace_back("stream", smtp::to_string(e.stream));
  in.emplace_back("campaign", or_dash(e.campaign));
  in.emplace_back("topic", or_dash(e.topic));
  in.emplace_back("sender identity", or_dash(e.sender_identity));
  in.emplace_back("sender domain",
                  fmt::format("{} ({})", or_dash(e.sender_domain), to_string(e.domain_status)));
  if (e.preflight)
    in.emplace_back(
        "sender pre-flight",
        fmt::format("{} at {}", e.preflight->is_failed() ? e.preflight->failures : "passed",
                    to_string_budapest(e.preflight->checked_at)));
  if (e.is_permission_request) in.emplace_back("purpose", "permission request");
  if (e.campaign_hold) {
    const auto& hold = *e.campaign_hold;
    const auto share = fmt::format(" ({} of {})", hold.part, hold.whole);
    in.emplace_back("campaign held",
                    fmt::format("{} since {}{}", to_string(hold.cause),
                                to_string_budapest(hold.since), hold.whole != 0 ? share : ""));
  }
  if (e.scan && v.dates.contains("reminder_after"))
    in.emplace_back("sender's name shown", e.scan->shows_sender_name ? "yes" : "no");
  if (e.suppression)
    in.emplace_back("suppressed", fmt::format("{} since {}", to_string(e.suppression->cause),
                                              to_string_budapest(e.suppression->since)));
  if (e.stream == smtp::stream::doi)
    in.emplace_back("signed up", e.sign_up ? to_string_budapest(e.sign_up->at) : "-");
  if (e.consent) {
    add_consent(in, *e.consent);
  } else {
    in.emplace_back("consent", "none on record");
  }
  x.dates = v.dates;
  x.knobs = v.knobs;
  x.matches = v.matches;
  x.tags = v.tags;
  x.exemptions = v.exemptions;
  return x;
}

std::string to_text(const explanation& x) {
  std::string out;
  add_line(out, "decision", x.decision);
  add_line(out, "reason", x.reason);
  if (!x.rule.empty()) add_line(out, "rule", x.rule + ": " + x.rule_text);
  if (!x.text.empty()) add_line(out, "told", x.text);
  add_line(out, "policy", x.policy_version);
  out += "\ninputs\n";
  for (const auto& [name, value] : x.inputs) add_line(out, "  " + name, value);
  if (!x.dates.empty()) out += "\ndates computed\n";
  for (const auto& [name, value] : x.dates) add_line(out, "  " + name, value);
  if (!x.knobs.empty()) out += "\nknobs looked at\n";
  for (const auto& [name, value] : x.knobs) out += fmt::format("  {:<32}{}\n", name, value);
  if (!x.matches.empty()) out += "\nfound in the message\n";
  for (const auto& m : x.matches)
    out += fmt::format("  {:<4}{:<28}{:>5.1f}  {} {} [{},{}) {}\n",
                       m.category.size() < 4 ? m.category : "", m.pattern, m.score,
                       filters::to_string(m.zone), m.part, m.begin, m.end, shown(m));
  if (!x.tags.empty()) {
    out += "\ntags";
    for (const auto& t : x.tags) out += " " + t;
    out += "\n";
  }
  if (!x.exemptions.empty()) out += "\nexempt\n";
  for (const auto& [category, exemption] : x.exemptions) add_line(out, "  " + category, exemption);
  return out;
}

}  // namespace consentry::policy
