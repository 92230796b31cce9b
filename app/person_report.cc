#include "app/person_report.h"

#include <boost/json.hpp>
#include <set>

#include "app/admin/audit_json.h"
#include "app/admin/consent_json.h"
#include "app/complaint_veil.h"
#include "app/shown_notice.h"
#include "base/civil_date.h"
#include "base/text.h"

namespace consentry::app {
namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;

constexpr std::size_t rows_per_look = 50'000;

// Everything the law asks for, also what the desk's view of a consent leaves out.
json::object shown(const policy::consent::listed_consent& c,
                   const std::optional<policy::consent::consent_record>& with_renewals,
                   bool to_staff) {
  const auto& stored = with_renewals ? *with_renewals : c.record;
  const auto r = to_staff ? stored : veiled(stored);
  auto o = admin::to_json(r);
  if (c.all_topics) o["all_topics"] = true;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) o[name] = to_valid_utf8(value);
  };
  add("given_at_as_told", r.given_at_text);
  add("notice_language", r.notice.language);
  add("user_agent", r.user_agent);
  if (r.recorded_at != instant{}) o["recorded_at"] = to_string_utc(r.recorded_at);
  if (r.unticked_at) o["unticked_at"] = to_string_utc(*r.unticked_at);
  if (r.declared_delivery_day) o["declared_delivery_day"] = to_string(*r.declared_delivery_day);
  return o;
}

json::object shown(const reputation::suppression& s, instant now) {
  json::object o{{"reason", reputation::to_string(s.reason)},
                 {"at", to_string_utc(s.at)},
                 {"in_force", reputation::is_in_force(s, now)}};
  if (!s.source.empty()) o["source"] = to_valid_utf8(s.source);
  if (s.expires_at) o["expires_at"] = to_string_utc(*s.expires_at);
  if (s.recipient) o["recipient"] = to_string(s.recipient);
  if (!s.campaign.empty()) o["campaign"] = to_valid_utf8(s.campaign);
  return o;
}

class reporting {
 public:
  reporting(const store_rooms& rooms, const wall_clock& clock, const tenants::tenant& t,
            const std::string& address, const report_limits& limits)
      : rooms_{rooms},
        clock_{clock},
        tenant_{t},
        person_{tenants::pseudonym(t, address)},
        limits_{limits} {}
  result<json::object> run();

 private:
  result<void> tell_records();
  result<void> tell_mails();
  json::object mail(const read_txn& txn, const queue::queued_recipient& r) const;
  result<void> tell_events();

  const store_rooms& rooms_;
  const wall_clock& clock_;
  const tenants::tenant& tenant_;
  const std::string person_;
  const report_limits& limits_;
  json::object out_;
  bool is_truncated_ = false;
};

// What waits for its confirmation, or had it within the last day.
json::object shown(const policy::consent::pending_sign_up& p) {
  json::object o{{"topic", to_valid_utf8(p.key.topic)},
                 {"at", to_string_utc(*p.evidence.given_at)},
                 {"address", to_valid_utf8(p.address)},
                 {"form", to_valid_utf8(p.evidence.form_id)},
                 {"notice_hash", to_valid_utf8(p.evidence.notice.hash)},
                 {"ip", to_valid_utf8(p.evidence.ip)},
                 {"user_agent", to_valid_utf8(p.evidence.user_agent)}};
  if (!p.name.empty()) o["name"] = to_valid_utf8(p.name);
  if (p.confirmed_at) o["confirmed_at"] = to_string_utc(*p.confirmed_at);
  return o;
}

result<void> reporting::tell_records() {
  return rooms_.env.read([&](const read_txn& txn) {
    json::object who{{"pseudonym", hex(person_)}};
    if (const auto p = rooms_.consents.find_person(txn, tenant_.id, person_)) {
      who["address"] = to_valid_utf8(p->address);
      if (!p->name.empty()) who["name"] = to_valid_utf8(p->name);
    }
    out_["person"] = std::move(who);
    json::array consents, imports, suppressions;
    std::set<std::string> importers;
    for (const auto& c : rooms_.consents.list(txn, tenant_.id, person_)) {
      const auto whole = c.all_topics ? std::nullopt : rooms_.renewals.find(txn, c.key);
      consents.push_back(shown(c, whole, limits_.to_staff));
      if (c.record.importer.empty()) continue;
      const auto at = to_string_utc(c.record.recorded_at);
      if (importers.insert(at + c.record.importer).second)
        imports.push_back(json::object{{"at", at}, {"by", to_valid_utf8(c.record.importer)}});
    }
    json::array sign_ups, notices;
    std::set<std::string> hashes;
    const auto tell_notice = [&](const std::string& hash) {
      if (hash.empty() || !hashes.insert(hash).second) return;
      if (const auto n = find_shown_notice(rooms_, txn, tenant_.id, hash))
        notices.push_back(json::object{{"hash", to_valid_utf8(n->notice.hash)},
                                       {"version", to_valid_utf8(n->notice.version)},
                                       {"language", to_valid_utf8(n->notice.language)},
                                       {"url", to_valid_utf8(n->notice.url)},
                                       {"text", to_valid_utf8(n->text)}});
    };
    for (const auto& c : rooms_.consents.list(txn, tenant_.id, person_))
      tell_notice(c.record.notice.hash);
    for (const auto& p : rooms_.sign_ups.sign_ups_of(txn, tenant_.id, person_)) {
      tell_notice(p.evidence.notice.hash);
      sign_ups.push_back(shown(p));
    }
    // Expired ones are held too.
    if (const auto s = rooms_.suppressions.find(txn, tenant_.id, person_, instant{}))
      suppressions.push_back(shown(limits_.to_staff ? *s : veiled(*s), clock_.now()));
    if (const auto e = rooms_.erasures.find(txn, tenant_.id, person_)) {
      json::object erased{{"at", to_string_utc(e->at)}, {"reason", e->reason}};
      if (e->gone_at) erased["gone_at"] = to_string_utc(*e->gone_at);
      out_["erased"] = std::move(erased);
    }
    out_["consents"] = std::move(consents);
    out_["sign_ups"] = std::move(sign_ups);
    out_["notices"] = std::move(notices);
    out_["imports"] = std::move(imports);
    out_["suppressions"] = std::move(suppressions);
  });
}

json::object reporting::mail(const read_txn& txn, const queue::queued_recipient& r) const {
  json::object o{{"message", to_string(r.message)},
                 {"recipient", to_string(r.id)},
                 {"outcome", queue::to_string(r.state)},
                 {"at", to_string_utc(r.changed_at)},
                 {"attempts", r.attempts}};
  if (const auto m = rooms_.queue.message(txn, r.message)) {
    o["stream"] = smtp::to_string(m->stream);
    o["campaign"] = to_valid_utf8(m->campaign);
    o["topic"] = to_valid_utf8(m->topic);
    o["accepted_at"] = to_string_utc(m->accepted_at);
  }
  if (!r.reason.empty()) o["reason"] = r.reason;
  if (!r.last_reply.empty()) o["last_reply"] = to_valid_utf8(r.last_reply);
  if (const auto sent = rooms_.tally.find(txn, r.id)) {
    if (sent->delivered) o["delivered_at"] = to_string_utc(sent->delivered_at);
    json::array complaints;
    for (const auto at : sent->complaints) complaints.push_back(to_string_utc(at).c_str());
    if (limits_.to_staff && !complaints.empty()) o["complaints"] = std::move(complaints);
    if (sent->unsubscribed) o["unsubscribed"] = true;
  }
  return o;
}

result<void> reporting::tell_mails() {
  json::array mails;
  recipient_id resume;
  do {
    auto slice = rooms_.env.read([&](const read_txn& txn) {
      for (const auto& r : rooms_.queue.all_of_person(txn, person_, resume, rows_per_look)) {
        if (mails.size() < limits_.mails_max)
          mails.push_back(mail(txn, r));
        else
          is_truncated_ = true;
      }
    });
    if (!slice) return slice;
  } while (resume && !is_truncated_);
  out_["mails"] = std::move(mails);
  return {};
}

result<void> reporting::tell_events() {
  journal::event_filter filter;
  filter.tenant = tenant_.id;
  filter.person = person_;
  json::array events;
  journal_seq from;
  do {
    const auto page = rooms_.env.read([&](const read_txn& txn) {
      return rooms_.journal.scan(txn, from, limits_.events_max, filter);
    });
    if (!page) return page.error();
    for (const auto& e : page->entries)
      if (auto shown = admin::entry_json(e, limits_.to_staff)) events.push_back(std::move(*shown));
    from = page->next;
    is_truncated_ = is_truncated_ || (from && events.size() >= limits_.events_max);
  } while (from && !is_truncated_);
  out_["events"] = std::move(events);
  return {};
}

result<json::object> reporting::run() {
  out_["tenant"] = tenant_.name;
  out_["controller"] = tenant_.legal_name;
  out_["made_at"] = to_string_utc(clock_.now());
  auto done = tell_records();
  if (done) done = tell_mails();
  if (done) done = tell_events();
  if (!done) return done.error();
  out_["truncated"] = is_truncated_;
  return std::move(out_);
}

}  // namespace

result<json::object> report_person(const store_rooms& rooms, const wall_clock& clock,
                                   tenant_id tenant, const std::string& address,
                                   const report_limits& limits) {
  const auto directory = rooms.directory.get();
  const auto* t = directory->find(tenant);
  if (t == nullptr)
    return failure{
        .kind = failure_kind::not_found, .permanent = true, .public_text = "no such tenant"};
  return reporting{rooms, clock, *t, address, limits}.run();
}

}  // namespace consentry::app
