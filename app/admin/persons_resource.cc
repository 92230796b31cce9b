// Rights of persons: what is held about one, correction, erasure.
//
//   GET  /v1/tenants/T/persons?address=    POST /v1/tenants/T/persons/erase    POST .../correct
//   POST /v1/persons/erase                 in every tenant
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/erasure.h"
#include "app/person_correction.h"
#include "app/person_report.h"
#include "base/civil_date.h"
#include "base/text.h"
#include "smtp/address.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;

std::string address_key(const std::string& text, const char* member) {
  const auto mailbox = smtp::mailbox::parse(text);
  if (!mailbox) throw configuration_error(std::string{member} + ": " + mailbox.error().public_text);
  if (mailbox->is_null()) throw configuration_error(std::string{member} + " is no address");
  return mailbox->key();
}

erasure_parts parts_of(api_context& c) {
  return {.rooms = c.rooms, .clock = c.clock, .hooks = c.erasure_hooks};
}

json::object shown(api_context& c, const erasure_report& e) {
  return {{"person", hex(e.person)},
          {"erased_at", to_string_utc(e.at)},
          {"gone_by", to_string_utc(e.at + c.erase_max)},
          {"was_known", e.was_known},
          {"consents", e.consents},
          {"cancelled", e.cancelled},
          {"notices_cancelled", e.notices},
          {"shared_bodies_redacted", e.redacted},
          {"rows_scrubbed", e.scrubbed},
          {"files_changed", e.files}};
}

resource erase(api_context& c, const tenants::tenant& t, const request& r) {
  json_body body{r.body};
  erasure_request wanted;
  wanted.tenant = t.id;
  wanted.address = address_key(body.required_text("address"), "address");
  wanted.reason = body.required_text("reason");
  wanted.actor = actor_of(r);
  body.finish();
  auto work = [&c, wanted] { return erase_person(parts_of(c), wanted); };
  const auto done = co_await c.workers.run(std::move(work));
  if (!done) co_return problem_of(done.error());
  co_return json_response(shown(c, *done));
}

resource correct(api_context& c, const tenants::tenant& t, const request& r) {
  json_body body{r.body};
  correction_request wanted;
  wanted.tenant = t.id;
  wanted.address = address_key(body.required_text("address"), "address");
  if (const auto to = body.text("new_address"); !to.empty())
    wanted.new_address = address_key(to, "new_address");
  if (const auto name = body.text("name"); !name.empty()) wanted.name = name;
  const auto consents = body.text("consents", "leave");
  wanted.reason = body.required_text("reason");
  wanted.actor = actor_of(r);
  body.finish();
  if (consents != "leave" && consents != "move")
    co_return problem(422, "consents is one of leave, move");
  wanted.moves_consents = consents == "move";
  auto work = [&c, wanted] { return correct_person(parts_of(c), wanted); };
  const auto done = co_await c.workers.run(std::move(work));
  if (!done) co_return problem_of(done.error());
  co_return json_response(json::object{{"person", hex(done->person)},
                                       {"consents_moved", done->consents_moved},
                                       {"consents_left", done->consents_left},
                                       {"cancelled", done->cancelled}});
}

resource tell(api_context& c, const tenants::tenant& t, const request& r) {
  if (!r.query.contains("address")) co_return problem(422, "name an address: ?address=");
  const auto key = address_key(r.query.at("address"), "address");
  const report_limits limits{.to_staff = tenants::is_staff(r.as)};
  auto work = [&c, id = t.id, key, limits] {
    return report_person(c.rooms, c.clock, id, key, limits);
  };
  const auto done = co_await c.workers.run(std::move(work));
  if (!done) co_return problem_of(done.error());
  co_return json_response(*done);
}

}  // namespace

resource persons_resource(api_context& c, const tenants::tenant& given, request r) {
  // The directory may be swapped while we wait: keep a copy of the tenant.
  const auto t = given;
  const auto part = r.path.size() > 4 ? r.path[4] : std::string{};
  if (part.empty() && r.method == "GET") co_return co_await tell(c, t, r);
  if (part == "erase" && r.method == "POST") co_return co_await erase(c, t, r);
  if (part == "correct" && r.method == "POST") co_return co_await correct(c, t, r);
  co_return problem(404, "no such resource");
}

resource all_persons_resource(api_context& c, request r) {
  if (r.path.size() != 3 || r.path[2] != "erase") co_return problem(404, "no such resource");
  if (r.method != "POST") co_return problem(405, "only POST");
  json_body body{r.body};
  const auto address = address_key(body.required_text("address"), "address");
  const auto reason = body.required_text("reason");
  body.finish();
  auto work = [&c, address, reason, actor = actor_of(r)] {
    return erase_everywhere(parts_of(c), address, reason, actor);
  };
  const auto done = co_await c.workers.run(std::move(work));
  if (!done) co_return problem_of(done.error());
  const auto directory = c.rooms.directory.get();
  json::array erased;
  for (const auto& [tenant, e] : *done) {
    auto o = shown(c, e);
    if (const auto* t = directory->find(tenant)) o["tenant"] = t->name;
    erased.push_back(std::move(o));
  }
  co_return json_response(json::object{{"tenants", std::move(erased)}});
}

}  // namespace consentry::app::admin
