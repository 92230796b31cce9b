// The page of an evidence pack that a person reads who knows neither us nor mail servers.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/evidence_facts.h"
#include "app/public/page.h"
#include "base/text.h"

namespace consentry::app {
namespace {

namespace json = boost::json;
using public_pages::escaped;

constexpr std::string_view style =
    "body{font:16px/1.5 sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem;color:#111;"
    "background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-top:1px solid "
    "#ccc;padding-top:1rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;"
    "vertical-align:top;padding:.25rem .75rem .25rem 0;overflow-wrap:anywhere}th{font-weight:600;"
    "width:14rem}blockquote{border-left:3px solid #999;margin:1rem 0;padding-left:1rem;"
    "white-space:pre-wrap}code{overflow-wrap:anywhere}";

std::string text_in(const json::value& v, std::string_view name) {
  const auto* found = v.is_object() ? v.as_object().if_contains(name) : nullptr;
  if (found == nullptr) return {};
  if (found->is_string()) return std::string{found->as_string()};
  return json::serialize(*found);
}

std::string fact_in(const json::value& v, std::string_view name) {
  const auto* facts = v.as_object().if_contains("facts");
  return facts == nullptr ? std::string{} : text_in(*facts, name);
}

class page {
 public:
  void heading(std::string_view text) { out_ += fmt::format("<h2>{}</h2>\n", escaped(text)); }
  void paragraph(std::string_view text) { out_ += fmt::format("<p>{}</p>\n", escaped(text)); }
  void quote(std::string_view text) {
    out_ += fmt::format("<blockquote>{}</blockquote>\n", escaped(text));
  }
  void begin_table() { out_ += "<table>\n"; }
  void end_table() { out_ += "</table>\n"; }
  void row(std::string_view name, std::string_view value) {
    if (!value.empty())
      out_ += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", escaped(name),
                          escaped(value));
  }
  std::string take(std::string_view title) const {
    return fmt::format(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\"><title>{0}</title><style>{1}</style></head><body>\n"
        "<h1>{0}</h1>\n{2}</body></html>\n",
        escaped(title), style, out_);
  }

 private:
  std::string out_;
};

void tell_mail(page& p, const json::value& m) {
  p.heading("The mail " + text_in(m, "message"));
  p.begin_table();
  if (const auto* header = m.as_object().if_contains("header")) {
    p.row("From", text_in(*header, "from"));
    p.row("Subject", text_in(*header, "subject"));
    p.row("Date, as its sender wrote it", text_in(*header, "date"));
    p.row("Its links lead to", text_in(*header, "link_domains"));
  }
  p.row("Handed in by the sender", text_in(m, "accepted_at"));
  p.row("Mailing", text_in(m, "campaign"));
  p.row("Topic", text_in(m, "topic"));
  p.row("Kind", text_in(m, "stream"));
  p.row("Fingerprint (SHA-256) of the mail as handed in", text_in(m, "body_sha256"));
  for (const auto& r : m.at("recipients").as_array())
    if (const auto* v = r.as_object().if_contains("verdict"))
      p.row("Decided for recipient " + text_in(r, "recipient"),
            fmt::format("{} ({}), by the rules of version {}", text_in(*v, "decision"),
                        text_in(*v, "reason"), text_in(*v, "policy_version")));
  p.end_table();
}

void tell_consent(page& p, const json::value& c, const evidence_facts& f) {
  p.begin_table();
  p.row("Topic", c.as_object().contains("all_topics") ? "all topics" : text_in(c, "topic"));
  p.row("Objected (a complaint or a reply) on", text_in(c, "objected_at"));
  p.row("Given to", text_in(c, "sender"));
  p.row("Given on", text_in(c, "given_at"));
  p.row("How", text_in(c, "method"));
  p.row("Where it came from", text_in(c, "provenance"));
  p.row("Confirmed by a second step on", text_in(c, "confirmed_at"));
  p.row("From the network address", text_in(c, "ip"));
  p.row("Last day of the twelve months", text_in(c, "last_day"));
  p.row("Withdrawn on", text_in(c, "withdrawn_at"));
  p.row("Withdrawn by", text_in(c, "withdrawn_method"));
  p.row("Proof, in this archive", text_in(c, "evidence_file"));
  p.end_table();
  const auto file = text_in(c, "notice_file");
  constexpr std::string_view folder = "notices/", suffix = ".txt";
  if (file.size() <= folder.size() + suffix.size()) return;
  const auto found =
      f.notices.find(file.substr(folder.size(), file.size() - folder.size() - suffix.size()));
  if (found == f.notices.end()) return;
  p.paragraph("The text that was shown, word for word:");
  p.quote(to_valid_utf8(found->second));
}

void tell_person(page& p, const json::value& person, const evidence_facts& f) {
  const auto address = text_in(person, "address");
  p.heading("The recipient " + (address.empty() ? "(erased)" : address));
  p.begin_table();
  p.row("Name, as given", text_in(person, "name"));
  p.row("Named in this archive as", text_in(person, "person"));
  p.end_table();
  const auto& consents = person.at("consents").as_array();
  p.paragraph(consents.empty() ? "No consent of this recipient is on record."
                               : "Consents on record:");
  for (const auto& c : consents) tell_consent(p, c, f);
  if (const auto* s = person.as_object().if_contains("suppression"))
    p.paragraph("No more mail is sent to this address: " + text_in(*s, "code") +
                text_in(*s, "reason") + ", since " + text_in(*s, "at") + ".");
}

void tell_entries(page& p, std::string_view heading, std::string_view nothing,
                  const json::array& list) {
  p.heading(heading);
  if (list.empty()) return p.paragraph(nothing);
  p.begin_table();
  for (const auto& e : list) {
    std::string what = text_in(e, "kind");
    for (const auto* name : {"act", "reply", "cause", "host", "tls", "dkim", "reporter",
                             "feedback_type", "counts", "why", "from", "to"})
      if (const auto value = fact_in(e, name); !value.empty())
        what += fmt::format("; {}: {}", name, value);
    if (const auto reason = text_in(e, "reason"); !reason.empty()) what += "; reason: " + reason;
    if (const auto actor = text_in(e, "actor"); !actor.empty()) what += "; by " + actor;
    p.row(text_in(e, "at"), what);
  }
  p.end_table();
}

}  // namespace

std::string evidence_page(std::string_view gateway, const policy::tenants::tenant& t,
                          const evidence_facts& f, std::string_view public_key) {
  page p;
  p.paragraph(fmt::format(
      "This archive was made by {}, a gateway that sends mail on behalf of others only where the "
      "recipient's consent is on record. It tells what that gateway recorded about mail of {}. All "
      "times are in UTC unless they name another zone.",
      gateway, t.legal_name));
  for (const auto& m : f.messages) tell_mail(p, m);
  for (const auto& person : f.persons) tell_person(p, person, f);
  tell_entries(p, "Delivery, and what the recipient's mail server answered",
               "No attempt to deliver is on record.", f.delivery);
  tell_entries(p, "Complaints", "No complaint is on record.", f.complaints);
  tell_entries(p, "What was done", "Nothing else was done.", f.acts);
  p.heading("How this can be checked");
  const auto& newest = f.entries.rbegin()->second;
  p.paragraph(fmt::format(
      "Each record has a number and a hash that is computed from the record and the hash of the "
      "one "
      "before it, so that no record can be changed later without changing all that follow. The "
      "newest one here is number {} with the hash {}. Whoever holds a copy of the gateway's "
      "journal "
      "can look that hash up there.",
      newest.seq.value, hex(as_bytes(newest.hash))));
  p.paragraph(
      "The file manifest.json lists every file with its SHA-256 and is signed (Ed25519) in "
      "manifest.sig. With the program consentry, on any machine: consentry evidence verify FILE "
      "--key KEY. The key must come from the gateway's operator by another way than this archive; "
      "it should be:");
  p.quote(hex(public_key));
  return p.take("Evidence about a mail of " + to_valid_utf8(t.legal_name));
}

}  // namespace consentry::app
