// Evidence packs (RULES E5), for staff: they tell of complaints.
#include <boost/json.hpp>

#include "app/admin/access.h"
#include "app/evidence_pack.h"
#include "app/report_services.h"
#include "base/text.h"
#include "smtp/address.h"

namespace consentry::app::admin {
namespace {

resource pack(api_context& c, pack_request wanted, std::string name) {
  std::function<result<std::string>()> work = [&c, wanted] {
    return make_evidence_pack(c.rooms, c.reporting->evidence_key(), c.host_name, wanted);
  };
  auto made = co_await c.workers.run(std::move(work));
  if (!made) co_return problem_of(made.error());
  response out;
  out.content_type = "application/x-tar";
  out.body = std::move(*made);
  out.headers = {{"Content-Disposition", "attachment; filename=\"evidence-" + name + ".tar\""},
                 {"X-Content-Type-Options", "nosniff"}};
  co_return out;
}

// The pseudonym of ?recipient= (empty: none is named), or configuration_error.
std::string person_of(const policy::tenants::tenant& t, const request& r) {
  const auto found = r.query.find("recipient");
  if (found == r.query.end() || found->second.empty()) return {};
  const auto address = smtp::mailbox::parse(found->second);
  if (!address || address->is_null()) throw configuration_error("recipient is not an address");
  return policy::tenants::pseudonym(t, address->key());
}

}  // namespace

resource message_pack_resource(api_context& c, request r) {
  if (c.reporting == nullptr) co_return problem(503, "no evidence is signed here");
  if (r.path[1] == "evidence-key")
    co_return json_response(boost::json::object{
        {"public_key", hex(c.reporting->evidence_key().public_key())}, {"gateway", c.host_name}});
  const auto id = parse_message_id(r.path[2]);
  if (!id) co_return problem(422, "a message is named like m0000012");
  const auto entries =
      c.rooms.env.read([&](read_txn& txn) { return c.rooms.journal.of_message(txn, *id, 1); });
  if (!entries) co_return problem_of(entries.error());
  const auto directory = c.rooms.directory.get();
  const auto* t = entries->empty() ? nullptr : directory->find(entries->front().what.tenant);
  if (t == nullptr) co_return problem(404, "nothing is known of that mail");
  pack_request wanted{.tenant = t->id, .message = *id, .person = person_of(*t, r)};
  looked_at what{.tenant = t->id, .what = "packMessage", .person = wanted.person, .message = *id};
  const auto noted = co_await note_access(c, r, std::move(what));
  if (!noted) co_return problem_of(noted.error());
  co_return co_await pack(c, std::move(wanted), to_string(*id));
}

resource person_pack_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  if (c.reporting == nullptr) co_return problem(503, "no evidence is signed here");
  pack_request wanted{.tenant = t.id, .message = {}, .person = person_of(t, r)};
  if (wanted.person.empty()) co_return problem(422, "recipient: whose mail");
  auto name = hex(wanted.person);
  co_return co_await pack(c, std::move(wanted), std::move(name));
}

}  // namespace consentry::app::admin
