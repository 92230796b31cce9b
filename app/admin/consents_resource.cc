// A tenant's consents: import and look-up. Single writes and withdrawals: consent_writes.cc.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/admin/consent_json.h"
#include "app/admin/import_json.h"
#include "app/complaint_veil.h"
#include "app/evidence_gatherer.h"
#include "base/secret.h"
#include "base/text.h"
#include "smtp/address.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace consent = policy::consent;
namespace tenants = policy::tenants;

result<std::string> person_of(const tenants::tenant& t, const std::string& address) {
  const auto mailbox = smtp::mailbox::parse(address);
  if (!mailbox) return mailbox.error();
  return tenants::pseudonym(t, mailbox->key());
}

resource look_up(api_context& c, const tenants::tenant& t, const request& r) {
  if (!r.query.contains("address")) co_return problem(422, "name an address: ?address=");
  const auto person = person_of(t, r.query.at("address"));
  if (!person) co_return problem_of(person.error());
  const bool to_staff = tenants::is_staff(r.as);
  auto found = c.rooms.env.read([&](read_txn& txn) {
    json::array list;
    for (const auto& l : c.rooms.consents.list(txn, t.id, *person)) {
      // With the deliveries that are not applied yet: what a judge would see.
      const auto whole = l.all_topics ? std::nullopt : c.rooms.renewals.find(txn, l.key);
      const auto& record = whole ? *whole : l.record;
      auto o = to_json(to_staff ? record : veiled(record));
      if (l.all_topics) o["all_topics"] = true;
      list.push_back(std::move(o));
    }
    json::object o{{"person", hex(*person)}, {"consents", std::move(list)}};
    if (const auto p = c.rooms.consents.find_person(txn, t.id, *person)) {
      o["address"] = p->address;
      if (!p->name.empty()) o["name"] = to_valid_utf8(p->name);
    }
    o["history"] = history_json(c.rooms, txn, t.id, *person, to_staff);
    if (const auto s = c.rooms.suppressions.find(txn, t.id, *person, c.clock.now()))
      o["suppressed"] = to_json(*s, to_staff);
    return o;
  });
  if (!found) co_return problem_of(found.error());
  const bool known = !found->at("consents").as_array().empty() || found->contains("suppressed");
  if (known) co_return json_response(*found);
  co_return problem(404, "nothing is known of this address", "person_unknown", std::move(*found));
}

}  // namespace

resource consents_resource(api_context& c, const policy::tenants::tenant& given, request r) {
  // The directory may be swapped while we wait: keep a copy of the tenant.
  const auto t = given;
  const auto part = r.path.size() > 4 ? r.path[4] : std::string{};
  if (part == "withdraw") co_return co_await withdraw_consent(c, t, std::move(r));
  if (part.empty() && r.method == "POST" && r.content_type == "application/json")
    co_return co_await write_consents(c, t, std::move(r));
  if (part.empty() && r.method == "POST") co_return co_await import_at_once(c, t, std::move(r));
  if (part.empty() && r.method == "GET") co_return co_await look_up(c, t, r);
  co_return problem(404, "no such resource");
}

}  // namespace consentry::app::admin
