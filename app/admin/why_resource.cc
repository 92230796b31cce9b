// Why a message or one of its recipients was taken, refused, held or bounced: the verdict as it was
// given, the consent as it stands, and all that happened.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/access.h"
#include "app/admin/api.h"
#include "app/admin/audit_json.h"
#include "app/admin/consent_json.h"
#include "app/complaint_veil.h"
#include "app/evidence_gatherer.h"
#include "app/scan_report.h"
#include "base/text.h"
#include "policy/judge.h"
#include "smtp/address.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t events_max = 5000;
constexpr std::size_t recipients_max = 100;

// RULES D5: an objection may be a complaint; its time is not for the tenant.
json::object shown(const policy::verdict& v, bool to_staff) {
  json::object dates, knobs;
  for (const auto& [name, day] : v.dates)
    if (to_staff || name != "objected_at") dates[name] = day;
  for (const auto& [name, value] : v.knobs) knobs[name] = value;
  json::object o{{"decision", policy::to_string(v.decision)},
                 {"reason", v.reason},
                 {"rule", v.rule},
                 {"rule_text", policy::rule_text(v.rule)},
                 {"text", v.text},
                 {"policy_version", v.policy_version},
                 {"dates", std::move(dates)},
                 {"knobs", std::move(knobs)}};
  json::array matches;
  for (const auto& f : v.matches) matches.push_back(app::to_json(f));
  if (!matches.empty()) o["matches"] = std::move(matches);
  if (!v.tags.empty()) o["tags"] = json::value_from(v.tags);
  if (!v.exemptions.empty()) o["exemptions"] = json::value_from(v.exemptions);
  return o;
}

// Everything about one recipient, found by its number in the journal's entries.
json::object about(api_context& c, const read_txn& txn, const policy::tenants::tenant* tenant,
                   const journal::event& first, bool to_staff) {
  json::object o{{"recipient", to_string(first.recipient)}, {"person", hex(first.person)}};
  if (const auto v = c.rooms.verdicts.find(txn, first.recipient))
    o["verdict"] = shown(*v, to_staff);
  if (const auto q = c.rooms.queue.recipient(txn, first.recipient)) {
    o["state"] = queue::to_string(q->state);
    if (!q->last_reply.empty()) o["last_reply"] = to_valid_utf8(q->last_reply);
  }
  if (tenant != nullptr && !first.topic.empty()) {
    const policy::consent::consent_key key{.tenant = tenant->id,
                                           .person = first.person,
                                           .sender = sender_identity(*tenant),
                                           .topic = first.topic};
    if (const auto r = c.rooms.renewals.find(txn, key))
      o["consent"] = to_json(to_staff ? *r : veiled(*r));
  }
  // A notice goes to the sender, who is nobody's recipient and has no pseudonym.
  if (tenant != nullptr && !first.person.empty())
    if (const auto p = c.rooms.consents.find_person(txn, tenant->id, first.person))
      o["address"] = p->address;
  return o;
}

// The first event of each recipient that the question is about.
std::vector<journal::event> recipients_in(const std::vector<journal::entry>& entries,
                                          const std::string& person) {
  std::vector<journal::event> out;
  for (const auto& e : entries) {
    if (!e.what.recipient || e.what.person.empty() || (!person.empty() && e.what.person != person))
      continue;
    const auto same = [&](const journal::event& x) { return x.recipient == e.what.recipient; };
    if (std::none_of(out.begin(), out.end(), same) && out.size() < recipients_max)
      out.push_back(e.what);
  }
  return out;
}

// only: for its own people; another's message is as one that nobody sent.
resource explain(api_context& c, const policy::tenants::tenant* only, request r) {
  const auto id = parse_message_id(r.path.back());
  if (!id) co_return problem(422, "a message is named like m0000012");
  const auto directory = c.rooms.directory.get();
  const auto asked = r.query.contains("recipient") ? r.query.at("recipient") : std::string{};
  const auto address = smtp::mailbox::parse(asked);
  if (!asked.empty() && !address)
    co_return problem(422, "recipient: " + address.error().public_text);

  const bool to_staff = policy::tenants::is_staff(r.as);
  auto o = c.rooms.env.read([&](read_txn& txn) -> std::optional<json::object> {
    const auto entries = c.rooms.journal.of_message(txn, *id, events_max);
    if (entries.empty()) return std::nullopt;
    const auto& head = entries.front().what;
    if (only != nullptr && head.tenant != only->id) return std::nullopt;
    const auto* tenant = directory->find(head.tenant);
    std::string person;
    if (!asked.empty() && tenant != nullptr)
      person = policy::tenants::pseudonym(*tenant, address->key());
    json::object out{{"message", to_string(*id)},
                     {"tenant", tenant != nullptr ? tenant->name : ""},
                     {"stream", smtp::to_string(head.stream)},
                     {"campaign", head.campaign},
                     {"topic", head.topic},
                     {"policy_version", head.policy_version}};
    json::array recipients;
    // Rows of accepted messages name their recipients only in the queue until something happens to
    // them.
    auto firsts = recipients_in(entries, person);
    if (const auto m = c.rooms.queue.message(txn, *id))
      for (const auto& q : c.rooms.queue.recipients_of(txn, *m, recipients_max)) {
        const auto same = [&](const journal::event& x) { return x.recipient == q.id; };
        if ((!person.empty() && q.person != person) ||
            std::any_of(firsts.begin(), firsts.end(), same))
          continue;
        journal::event e = head;
        e.recipient = q.id;
        e.person = q.person;
        firsts.push_back(std::move(e));
      }
    for (const auto& e : firsts) recipients.push_back(about(c, txn, tenant, e, to_staff));
    if (!person.empty() && recipients.empty()) return std::nullopt;
    out["recipients"] = std::move(recipients);
    json::array events;
    for (const auto& e : entries)
      if (person.empty() || e.what.person.empty() || e.what.person == person)
        if (auto shown = entry_json(e, to_staff)) events.push_back(std::move(*shown));
    out["events"] = std::move(events);
    return out;
  });
  if (!o) co_return problem_of(o.error());
  if (!*o) co_return problem(404, "the journal knows nothing of that message and recipient");
  if (only != nullptr) co_return json_response(**o);  // noted by whoever found the tenant
  looked_at what{.what = "explainMessage", .message = *id};
  if (const auto* t = directory->find_named(std::string{(*o)->at("tenant").as_string()})) {
    what.tenant = t->id;
    if (address && !address->is_null())
      what.person = policy::tenants::pseudonym(*t, address->key());
  }
  const auto noted = co_await note_access(c, r, std::move(what));
  if (!noted) co_return problem_of(noted.error());
  co_return json_response(**o);
}

}  // namespace

resource why_resource(api_context& c, request r) {
  return explain(c, nullptr, std::move(r));
}

resource tenant_why_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  return explain(c, &t, std::move(r));
}

}  // namespace consentry::app::admin
