#include "app/tenant_letters.h"

#include <fmt/format.h>

#include <array>

#include "base/civil_date.h"
#include "base/text.h"
#include "reputation/blocker.h"

namespace consentry::app {
namespace {

using journal::event;
using policy::tenants::tenant;

// What happened, and what to do: each in both languages.
struct wording {
  std::string_view about;
  std::string_view subject_hu, subject_en;
  std::string_view what_hu, what_en;
  std::string_view todo_hu, todo_en;
};

constexpr std::string_view domain_fails = "domain.preflight_fail";
constexpr std::string_view domain_passes = "domain.preflight_pass";

constexpr std::string_view key_waits = "dkim.waiting";
constexpr std::string_view key_ended = "dkim.ended";

constexpr std::string_view complaints_warn = "complaints.warn";
constexpr std::string_view campaign_warn = "campaign.warn";
constexpr std::string_view appeal_opened = "appeal.opened";
constexpr std::string_view appeal_closed = "appeal.closed";

constexpr std::array wordings{
    wording{
        complaints_warn, "Figyelmeztetés: panaszok", "A warning: complaints",
        "A címzettek panaszai elérték a figyelmeztetési szintet. Ha ezer levélre egynél több "
        "panasz jut, a tömeges küldést a rendszer letiltja.",
        "Complaints of recipients have reached the warning level. At more than one complaint "
        "per thousand mails mass mailing is blocked.",
        "Vizsgálja meg, kik és honnan kerültek a listára, és csak azoknak küldjön, akik kérték.",
        "Please look into who is on the list and where they came from, and write only to those "
        "who asked for it."},
    wording{
        campaign_warn, "Figyelmeztetés egy kampányról", "A warning about a campaign",
        "A kampány egyik mutatója elérte a figyelmeztetési szintet; ha tovább romlik, a kampány "
        "várakozni fog, amíg munkatársunk megnézi.",
        "A figure of the campaign has reached its warning level; if it gets worse the campaign "
        "waits until a person has looked at it.",
        "Vizsgálja meg a kampány címlistáját.", "Please look into the campaign's list."},
    wording{appeal_opened, "Kifogását rögzítettük", "Your appeal is on record",
            "A kifogást rögzítettük, és harminc napon belül megtárgyaljuk.",
            "The appeal is on record; it is negotiated within thirty days.",
            "Nincs teendője; kiegészítését az alábbi címre írja.",
            "There is nothing to do; write what you want to add to the address below."},
    wording{appeal_closed, "Kifogását lezártuk", "Your appeal is decided",
            "A kifogásról döntöttünk; az indoklás alább áll.",
            "The appeal is decided; the reasons stand below.",
            "Ha nem ért egyet, írjon az alábbi címre.",
            "If you do not agree, please write to the address below."},
    wording{key_waits, "Új DKIM-kulcs: DNS-bejegyzés szükséges",
            "A new DKIM key: a DNS record is needed",
            "A feladó domain leveleit új kulccsal fogjuk aláírni, amint az alábbi bejegyzések a "
            "DNS-ben vannak. Addig a régi kulcs érvényes, a küldés zavartalan.",
            "Mail of the sender domain will be signed with a new key as soon as the records below "
            "are in the DNS. Until then the old key is used and mail goes on as before.",
            "Vegye fel az alábbi DNS-bejegyzéseket; a régieket egyelőre hagyja meg.",
            "Please publish the DNS records below, and leave the old ones for now."},
    wording{key_ended, "Egy régi DKIM-bejegyzés törölhető", "An old DKIM record may be removed",
            "A feladó domain egyik régi kulcsát megsemmisítettük, bejegyzésére már nincs szükség.",
            "An old key of the sender domain was destroyed; its record is of no use any more.",
            "Az alábbi DNS-bejegyzést törölheti.", "You may remove the DNS record below."},
    wording{"tenant.overdue", "Fizetési késedelem", "Payment overdue",
            "A fiók fizetési késedelem miatt korlátozott: tömeges küldemény nem adható fel. Az "
            "automatizmusok, az űrlapok és a tárolt adatok tovább működnek.",
            "The account is overdue and limited: no mass mailing is taken. Automations, forms and "
            "stored data go on.",
            "Rendezze a tartozást; a korlátozás azután megszűnik.",
            "Please settle the invoice; the limit is lifted then."},
    wording{"tenant.suspended", "A fiók fel van függesztve", "The account is suspended",
            "A fiók fel van függesztve: semmilyen küldemény nem adható fel, ami már sorban áll, "
            "várakozik.",
            "The account is suspended: no mail is taken, and what is queued waits.",
            "Írjon az alábbi címre. Kifogását harminc napon belül megtárgyaljuk.",
            "Please write to the address below. A grievance is negotiated within thirty days."},
    wording{"tenant.terminated", "A szerződés megszűnt", "The contract has ended",
            "A szerződés megszűnt, a fiók le van zárva. Az adatokat 90 napig megőrizzük, azután "
            "töröljük; kérésre azonnal.",
            "The contract has ended and the account is closed. Its data are kept for 90 days and "
            "then removed; at once on request.",
            "Az adatok kiadását (XML vagy JSON) az alábbi címen kérheti.",
            "Please ask for the hand-over of the data (XML or JSON) at the address below."},
    wording{"tenant.active", "A fiók használható", "The account can be used",
            "A fiók használható, a korábbi korlátozás megszűnt.",
            "The account can be used; no limit of before is in force.", "Nincs teendője.",
            "There is nothing to do."},
    wording{"tenant.bulk_blocked", "A tömeges küldés le van tiltva", "Mass mailing is blocked",
            "A fiók tömeges küldeményei le vannak tiltva. Ami sorban áll, várakozik; a tranzakciós "
            "levelek tovább mennek.",
            "Mass mailing of this account is blocked. What is queued waits; transactional mail "
            "still passes.",
            "Vizsgálja meg, kik és honnan kerültek a listára, és írjon az alábbi címre. Kifogását "
            "harminc napon belül megtárgyaljuk.",
            "Please look into who is on the list and where they came from, and write to the "
            "address below. A grievance is negotiated within thirty days."},
    wording{"tenant.bulk_unblocked", "A tömeges küldés újra engedélyezett",
            "Mass mailing is allowed again", "A tömeges küldés tiltása megszűnt.",
            "The block of mass mailing is lifted.", "Nincs teendője.", "There is nothing to do."},
    wording{"mail.held", "Levelek várakoznak", "Mail is on hold",
            "A fiók egy vagy több levele várakozik: munkatársunk megnézi, mielőtt továbbmegy vagy "
            "elutasítja.",
            "One or more mails of this account are on hold: a person looks at them before they go "
            "on or are refused.",
            "Nincs teendője; ha kérdése van, írjon az alábbi címre.",
            "There is nothing to do; with questions write to the address below."},
    wording{
        domain_fails, "A feladó domain DNS-beállítása hiányos",
        "The DNS of a sender domain is not in order",
        "A feladó domain DNS-beállításai alapján a címzettek nem tudják megkülönböztetni a fiók "
        "leveleit a hamisítványoktól. E domain nevében a tömeges küldeményt a javításig "
        "visszautasíthatjuk; a tranzakciós levelek tovább mennek.",
        "By the DNS records of a sender domain, receivers cannot tell this account's mail from "
        "forgeries. Until they are mended, mass mailing in the name of the domain may be refused; "
        "transactional mail still passes.",
        "Vegye fel az alábbi DNS-bejegyzéseket, azután kérje a domain újbóli ellenőrzését.",
        "Please publish the DNS records below, then ask for the domain to be looked at again."},
    wording{domain_passes, "A feladó domain DNS-beállítása rendben",
            "The DNS of a sender domain is in order",
            "A feladó domain DNS-beállításai rendben vannak, tömeges küldemény feladható.",
            "The DNS records of the sender domain are in order; mass mailing is taken.",
            "Nincs teendője.", "There is nothing to do."},
};

const wording* wording_of(std::string_view about) {
  for (const auto& w : wordings)
    if (w.about == about) return &w;
  return nullptr;
}

std::string fact(const event& e, const std::string& name) {
  const auto found = e.facts.find(name);
  return found == e.facts.end() ? std::string{} : found->second;
}

// A level that is reached; one that is left needs nobody. Providers are the desk's.
std::string about_of_warning(const event& e) {
  const auto watch = fact(e, "watch");
  if (fact(e, "to") != "warn" || watch == "provider") return {};
  return std::string{watch == "complaints" ? complaints_warn : campaign_warn};
}

// Empty: nothing to tell.
std::string about_of(const event& e) {
  using journal::event_kind;
  if (e.facts.contains("restored")) return {};  // told of where it happened
  if (e.kind == event_kind::tenant_changed) {
    const auto to = fact(e, "to");
    // Whoever was let in by a person was never hindered.
    if (fact(e, "from") == "pending" && e.facts.contains("vouched_by")) return {};
    return to.empty() ? std::string{} : "tenant." + to;
  }
  if (const auto dkim = fact(e, "dkim"); !dkim.empty()) {
    if (dkim == "waiting") return std::string{key_waits};
    return dkim == "ended" ? std::string{key_ended} : std::string{};
  }
  if (e.kind == event_kind::domain_changed) {
    const auto now = fact(e, "preflight");
    const bool was_failing = fact(e, "preflight_was") == "fail";
    const bool is_mended = now == "pass" || now == "warn";
    if (now == "fail" && !was_failing) return std::string{domain_fails};
    return is_mended && was_failing ? std::string{domain_passes} : std::string{};
  }
  if (e.kind == event_kind::standing_changed)
    return fact(e, "to") == "bulk_blocked" ? "tenant.bulk_blocked" : "tenant.bulk_unblocked";
  if (e.kind == event_kind::warned) return about_of_warning(e);
  if (e.kind == event_kind::desk_act) {
    const auto what = fact(e, "what");
    return what == appeal_opened || what == appeal_closed ? what : std::string{};
  }
  // What waits for the state of the account was told of with that state; a campaign on hold is told
  // of by campaign_sweeper.h.
  if (e.kind == event_kind::held && !e.reason.starts_with("tenant.") &&
      !e.reason.starts_with("campaign."))
    return "mail.held";
  return {};
}

std::string reason_line(const event& e) {
  auto out = printable(e.reason, 300);
  if (const auto why = fact(e, "ended_because"); !why.empty()) out = why + ": " + out;
  if (!e.campaign.empty()) out += fmt::format(" ({})", printable(e.campaign, 100));
  return out;
}

struct shown_fact {
  const char* name;
  const char* hu;
  const char* en;
};

// The figures behind it, a line each in both languages (RULES A2 3).
constexpr std::array shown_facts{
    shown_fact{"complaints", "Panaszok", "Complaints"},
    shown_fact{"delivered", "Kézbesítve", "Delivered"},
    shown_fact{"window_days", "Ennyi nap alatt", "In so many days"},
    shown_fact{"part", "Érintett címzettek", "Recipients concerned"},
    shown_fact{"whole", "Ennyi közül", "Of so many"},
    shown_fact{"appeal", "Kifogás száma", "Number of the appeal"},
    shown_fact{"due", "Határidő", "Due"},
    shown_fact{"outcome", "Döntés", "Decision"},
};

std::string figures_of(const event& e, bool is_hungarian) {
  std::string out;
  for (const auto& f : shown_facts)
    if (const auto value = fact(e, f.name); !value.empty())
      out += fmt::format("{}: {}\n", is_hungarian ? f.hu : f.en, printable(value, 100));
  return out;
}

// "record_1", "record_2": as a line of a zone file each.
std::string records_of(const event& e) {
  std::string out;
  for (const auto& [name, value] : e.facts)
    if (name.starts_with("record_")) out += value + "\n";
  return out.empty() ? out : "\n" + out;
}

}  // namespace

std::optional<tenant_letter> letter_on(const event& e, const tenant& t, const std::string& desk) {
  const auto about = about_of(e);
  const auto* w = wording_of(about);
  if (w == nullptr) return std::nullopt;
  tenant_letter out;
  out.about = about;
  // What goes to and fro is told once a day.
  if (about == key_waits || about == key_ended) {
    out.matter = about + '\0' + fact(e, "domain") + '\0' + fact(e, "selectors");
  } else if (e.kind == journal::event_kind::domain_changed) {
    const bool is_failing = about == domain_fails;
    const auto domain = fact(e, "domain");
    const auto matter_of = [&domain](std::string_view what) {
      return std::string{what} + '\0' + domain;
    };
    out.matter = matter_of(about);
    out.domain = {.domain = domain,
                  .is_failing = is_failing,
                  .opposite = matter_of(is_failing ? domain_passes : domain_fails)};
  }
  // Figures go to and fro over their level.
  if (e.kind == journal::event_kind::warned)
    out.matter = about + '\0' + e.reason + '\0' + e.campaign;
  if (about == "mail.held") out.matter = about + '\0' + e.reason + '\0' + e.campaign;
  out.subject = fmt::format("{}: {} / {}", t.name, w->subject_hu, w->subject_en);
  const auto at = to_string_budapest(e.at);
  const auto why = reason_line(e);
  out.text = fmt::format(
      "{0} ({1})\n\n{2}\n\nIndok: {3}\n{10}Időpont: {4}\n{5}\n\n---\n\n{6}\n\nReason: "
      "{3}\n{11}Time: "
      "{4}\n{7}\n{9}\n{8}\n",
      t.legal_name, t.name, w->what_hu, why, at, w->todo_hu, w->what_en, w->todo_en, desk,
      records_of(e), figures_of(e, true), figures_of(e, false));
  return out;
}

}  // namespace consentry::app
