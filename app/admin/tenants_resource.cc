// Tenants and the state of their contracts.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/admin/tenant_json.h"
#include "app/contact_link.h"
#include "app/queue_control.h"
#include "app/tenant_change.h"
#include "app/tenant_erasure.h"
#include "base/log.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace tenants = policy::tenants;

json::object shown(const api_context& c, const tenants::tenant& t) {
  return to_json(t, c.rooms.blocker.is_bulk_closed(t.id));
}

json::object whole(const api_context& c, const tenants::tenant_directory& directory,
                   const tenants::tenant& t) {
  auto o = shown(c, t);
  json::array domains, credentials;
  for (const auto* d : directory.domains_of(t.id)) domains.push_back(to_json(*d));
  for (const auto* x : directory.credentials_of(t.id)) credentials.push_back(to_json(*x));
  o["domains"] = std::move(domains);
  o["credentials"] = std::move(credentials);
  return o;
}

resource send_link(api_context& c, const tenants::tenant& t, const request& r, int status) {
  if (c.care == nullptr) co_return problem(503, "no mail can be sent here");
  auto actor = actor_of(r);
  const auto sent = co_await send_contact_link(*c.care, t.id, std::move(actor));
  if (!sent) co_return problem_of(sent.error());
  co_return json_response(shown(c, *sent), status);
}

resource add_tenant(api_context& c, const request& r) {
  json_body body{r.body};
  tenants::tenant wanted;
  wanted.name = body.required_text("name");
  wanted.legal_name = body.required_text("legal_name");
  wanted.contact = body.required_text("contact");
  wanted.postal_address = body.text("postal_address");
  // Active: the operator vouches for whom he adds. Pending: the contact gets a link (RULES A2 1).
  const auto state = tenants::parse_tenant_state(body.text("state", "active"));
  const auto reason = body.text("reason", "added by the operator");
  body.finish();
  if (state != tenants::tenant_state::pending && state != tenants::tenant_state::active)
    co_return problem(422, "state must be pending or active");
  std::function<result<tenants::tenant>(write_txn&)> f = [&c, wanted, state = *state, reason,
                                                          actor = actor_of(r),
                                                          at = c.clock.now()](write_txn& txn) {
    auto added = c.rooms.tenants.add_tenant(txn, wanted, actor, at);
    if (!added || state == added->state) return added;
    return c.rooms.tenants.change_state(txn, added->id, state, reason, actor, at);
  };
  const auto added = co_await change_tenants<tenants::tenant>(c.rooms, std::move(f));
  if (!added) co_return problem_of(added.error());
  if (added->state == tenants::tenant_state::pending && c.care != nullptr)
    co_return co_await send_link(c, *added, r, 201);
  co_return json_response(shown(c, *added), 201);
}

// What is held for an account that has ended comes up at the gate, which refuses it: its sender is
// told, and nothing lies there for ever (RULES A2 12).
boost::asio::awaitable<void> return_held(api_context& c, tenant_id tenant, std::string actor) {
  queue_order order{
      .what = queue_act::release, .reason = "the contract has ended", .actor = std::move(actor)};
  order.which.tenant = tenant;
  const auto begun = c.clock.now();
  const auto done = co_await carry_out(c.rooms, c.clock, std::move(order));
  if (!done)
    log::error("app/admin", "return_failed", {{"cause", describe(done.error())}});
  else if (c.notify_queue)
    c.notify_queue(begun);
}

resource change_state(api_context& c, const tenants::tenant& t, const request& r) {
  json_body body{r.body};
  const auto name = body.required_text("state");
  const auto reason = body.required_text("reason");
  const auto ended = body.text("ended_because");
  body.finish();
  const auto state = tenants::parse_tenant_state(name);
  if (!state) co_return problem(422, "state must be one of active, overdue, suspended, terminated");
  auto why = tenants::termination_reason::none;
  if (!ended.empty()) {
    const auto parsed = tenants::parse_termination_reason(ended);
    if (!parsed)
      co_return problem(422,
                        "ended_because must be one of over30_overdue, grave_breach, "
                        "reputation_harm, false_data, by_tenant");
    why = *parsed;
  }
  std::function<result<tenants::tenant>(write_txn&)> f = [&c, id = t.id, state = *state, reason,
                                                          why, actor = actor_of(r),
                                                          at = c.clock.now()](write_txn& txn) {
    return c.rooms.tenants.change_state(txn, id, state, reason, actor, at, why);
  };
  const auto changed = co_await change_tenants<tenants::tenant>(c.rooms, std::move(f));
  if (!changed) co_return problem_of(changed.error());
  log::warn("app/admin", "tenant_state",
            {{"tenant", t.name}, {"state", name}, {"person", r.person}});
  if (*state == tenants::tenant_state::terminated) {
    auto actor = actor_of(r);
    co_await return_held(c, t.id, std::move(actor));
  }
  co_return json_response(shown(c, *changed));
}

resource erase(api_context& c, const tenants::tenant& t, const request& r) {
  json_body body{r.body};
  auto reason = body.required_text("reason");
  body.finish();
  if (c.care == nullptr) co_return problem(503, "nothing can be erased here");
  auto actor = actor_of(r);
  const auto erased = co_await erase_tenant(*c.care, t.id, std::move(reason), std::move(actor));
  if (!erased) co_return problem_of(erased.error());
  co_return json_response(
      json::object{{"name", erased->name}, {"erased", true}, {"finished", erased->is_finished}});
}

resource one_tenant(api_context& c, request r) {
  const auto directory = c.rooms.directory.get();
  const auto* found = directory->find_named(r.path[2]);
  if (found == nullptr)
    co_return problem(404, fmt::format("no tenant {}", printable(r.path[2], 64)));
  const auto t = *found;
  const auto part = r.path.size() > 3 ? r.path[3] : std::string{};
  const bool is_post = r.method == "POST";
  if (part.empty() && r.method == "GET") co_return json_response(whole(c, *directory, t));
  if (part == "state" && is_post) co_return co_await change_state(c, t, r);
  if (part == "erase" && is_post) co_return co_await erase(c, t, r);
  if (part == "contact-link" && is_post) co_return co_await send_link(c, t, r, 200);
  co_return problem(404, "no such resource");
}

}  // namespace

resource tenants_resource(api_context& c, request r) {
  if (r.path.size() > 2) co_return co_await one_tenant(c, std::move(r));
  if (r.method == "POST") co_return co_await add_tenant(c, r);
  if (r.method != "GET") co_return problem(405, "only GET and POST");
  const auto directory = c.rooms.directory.get();
  json::array all;
  for (const auto& t : directory->tenants()) all.push_back(shown(c, t));
  co_return json_response(json::object{{"tenants", std::move(all)}});
}

}  // namespace consentry::app::admin
