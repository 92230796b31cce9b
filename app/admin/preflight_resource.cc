// Whether receivers can tell a sender domain's mail from forgeries, and the DNS records that lack.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/admin/tenant_json.h"
#include "app/sender_preflight.h"
#include "base/civil_date.h"
#include "base/text.h"
#include "smtp/address.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;

json::object shown(const smtp::auth::wanted_record& r) {
  json::object o{{"act", to_string(r.act)},
                 {"name", r.name},
                 {"type", r.type},
                 {"value", r.value},
                 {"zone_line", smtp::auth::zone_line(r)}};
  if (!r.instead_of.empty()) o["instead_of"] = r.instead_of;
  o["by"] = r.is_operators ? "operator" : "tenant";
  return o;
}

json::object shown(const kept_check& c) {
  json::object o{{"check", c.found.what},
                 {"state", to_string(c.found.state)},
                 {"reason", c.found.reason},
                 {"detail", c.found.text}};
  if (c.known_at != instant{}) o["known_at"] = to_string_utc(c.known_at);
  return o;
}

json::array records_of(const domain_preflight& p) {
  json::array out;
  for (const auto& r : smtp::auth::records_of(p.found())) out.push_back(shown(r));
  return out;
}

json::object shown(const std::string& tenant, const std::string& domain,
                   const std::optional<domain_preflight>& p,
                   policy::rule_knobs::preflight_act act) {
  json::object o{{"tenant", tenant}, {"domain", domain}};
  const auto state = p ? p->state() : smtp::auth::check_state::unknown;
  o["state"] = to_string(state);
  o["refuses_bulk"] =
      state == smtp::auth::check_state::fail && act == policy::rule_knobs::preflight_act::refuse;
  json::array checks;
  if (p) {
    o["looked_at"] = to_string_utc(p->looked_at);
    for (const auto& c : p->checks) checks.push_back(shown(c));
  }
  o["checks"] = std::move(checks);
  o["records"] = p ? records_of(*p) : json::array{};
  return o;
}

}  // namespace

resource preflight_resource(api_context& c, const tenants::tenant& given, request r) {
  const auto id = given.id;
  const auto name = given.name;
  const auto domain = smtp::ascii_domain(r.path[4]);
  const auto directory = c.rooms.directory.get();
  const auto* d = domain ? directory->find_domain(*domain) : nullptr;
  if (d == nullptr || d->tenant != id) co_return problem(404, "no such domain");
  const auto act = c.live.policy.get()->set->rules.preflight_action;
  if (r.method == "GET") {
    const auto known =
        c.rooms.env.read([&](read_txn& txn) { return c.rooms.preflights.find(txn, id, *domain); });
    if (!known) co_return problem_of(known.error());
    co_return json_response(shown(name, *domain, *known, act));
  }
  if (r.method != "POST") co_return problem(405, "only GET and POST");
  json_body{r.body}.finish();
  if (c.care == nullptr || c.care->preflight == nullptr)
    co_return problem(503, "the DNS cannot be asked here");
  auto actor = actor_of(r);
  std::string asked = *domain;
  const auto found = co_await c.care->preflight->run(id, std::move(asked), std::move(actor), true);
  if (!found) co_return problem_of(found.error());
  const std::optional<domain_preflight> now{*found};
  co_return json_response(shown(name, *domain, now, act));
}

resource whose_domain_resource(api_context& c, request r) {
  const auto domain = smtp::ascii_domain(r.path[2]);
  const auto directory = c.rooms.directory.get();
  const auto* d = domain ? directory->find_domain(*domain) : nullptr;
  const auto* t = d == nullptr ? nullptr : directory->find(d->tenant);
  if (t == nullptr) co_return problem(404, "no such domain");
  auto o = to_json(*d);
  o["tenant"] = t->name;
  co_return json_response(o);
}

}  // namespace consentry::app::admin
