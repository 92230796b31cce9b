// A tenant's sector exemptions (RULES A6): the operator grants and ends, the tenant may read.
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/admin/write_once.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
using policy::tenants::exemption;

json::object shown(const exemption& x, instant now) {
  const bool counts = x.counts_at(now);
  json::object o{{"exemption", policy::tenants::exemption_id(x.number)},
                 {"category", x.category},
                 {"until", to_string(x.last_day)},
                 {"counts", counts},
                 {"approver", x.approver},
                 {"reason", x.reason},
                 {"granted_at", to_string_utc(x.granted_at)}};
  if (x.ended_at) {
    o["ended_at"] = to_string_utc(*x.ended_at);
    o["ended_by"] = x.ended_by;
    o["end_reason"] = x.end_reason;
  }
  return o;
}

resource grant(api_context& c, tenant_id tenant, const request& r) {
  json_body body{r.body};
  exemption wanted;
  wanted.category = body.required_text("category");
  wanted.reason = body.required_text("reason");
  const auto until = parse_date(body.required_text("until"));
  body.finish();
  if (!until) co_return problem(422, "until: the last day, YYYY-MM-DD");
  wanted.last_day = *until;
  wanted.approver = actor_of(r);
  wanted.granted_at = c.clock.now();
  std::function<response(write_txn&)> write = [&c, tenant, wanted](write_txn& txn) {
    const auto granted = c.rooms.exemptions.grant(txn, tenant, wanted);
    if (!granted) return problem_of(granted.error());
    return json_response(shown(granted->what, wanted.granted_at), granted->is_new ? 201 : 200);
  };
  co_return co_await write_once(c, tenant, r, std::move(write));
}

resource end(api_context& c, tenant_id tenant, const request& r) {
  json_body body{r.body};
  const auto reason = body.required_text("reason");
  body.finish();
  const auto number = policy::tenants::parse_exemption_id(r.path[4]);
  if (!number) co_return problem(404, "no such exemption");
  std::function<response(write_txn&)> write = [&c, tenant, reason, number = *number,
                                               actor = actor_of(r),
                                               at = c.clock.now()](write_txn& txn) {
    const auto ended = c.rooms.exemptions.end(txn, tenant, number, reason, actor, at);
    if (!ended) return problem_of(ended.error());
    auto o = shown(*ended, at);
    // Others of the category may overlap with it.
    json::array others;
    for (const auto& x : c.rooms.exemptions.all(txn, tenant))
      if (x.category == ended->category && x.counts_at(at))
        others.emplace_back(policy::tenants::exemption_id(x.number));
    o["still_exempt_by"] = std::move(others);
    return json_response(o);
  };
  co_return co_await write_once(c, tenant, r, std::move(write));
}

response list(api_context& c, tenant_id tenant) {
  auto all = c.rooms.env.read([&](read_txn& txn) {
    json::array out;
    for (const auto& x : c.rooms.exemptions.all(txn, tenant))
      out.push_back(shown(x, c.clock.now()));
    return out;
  });
  if (!all) return problem_of(all.error());
  return json_response(json::object{{"exemptions", std::move(*all)}});
}

}  // namespace

resource exemptions_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  const auto id = t.id;
  if (r.path.size() == 4 && r.method == "GET") co_return list(c, id);
  if (r.path.size() == 4 && r.method == "POST") co_return co_await grant(c, id, r);
  if (r.path.size() == 6 && r.path[5] == "end" && r.method == "POST")
    co_return co_await end(c, id, r);
  co_return problem(404, "no such resource");
}

}  // namespace consentry::app::admin
