// A tenant's campaigns: what was counted of them, and holding and releasing them (RULES 5.2, 5.4,
// E4).
//
//   GET  /v1/tenants/T/campaigns[?after=NAME&limit=N]
//   GET  /v1/tenants/T/campaigns/NAME
//   POST /v1/tenants/T/campaigns/NAME/hold|release    {"reason": "..."}
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/campaign_source.h"
#include "base/log.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
using policy::tenants::tenant;

json::object shown(const campaign_state& s, const policy::rule_knobs& knobs) {
  json::object o{{"campaign", s.name},
                 {"held", s.hold.has_value()},
                 {"asked", s.counts.asked},
                 {"unproven", s.counts.unproven},
                 {"max_unproven", policy::share_text(knobs.campaign_max_unproven)},
                 {"ended", s.counts.ended},
                 {"dead", s.counts.dead},
                 {"hold_bounces", policy::share_text(knobs.bounce_hold_campaign)},
                 {"warn_bounces", policy::share_text(knobs.bounce_warn_campaign)},
                 {"unsubscribed", s.counts.unsubscribed},
                 {"hold_unsubscribes", policy::share_text(knobs.watch_unsubscribes_hold)},
                 {"counted_from", policy::rule_knobs::campaign_sample_min},
                 {"releases", s.releases},
                 {"first_at", to_string_utc(s.first_at)}};
  if (s.hold) {
    o["hold"] = json::object{{"cause", policy::to_string(s.hold->cause)},
                             {"reason", policy::reason_of(s.hold->cause)},
                             {"since", to_string_utc(s.hold->since)},
                             {"part", s.hold->part},
                             {"whole", s.hold->whole}};
  }
  if (s.changed_at != instant{}) {
    o["changed_at"] = to_string_utc(s.changed_at);
    o["actor"] = s.actor;
    o["reason"] = to_valid_utf8(s.reason);
  }
  return o;
}

response list(api_context& c, const tenant& t, const request& r) {
  const auto limit = number_of(r, "limit", 100, 1000);
  const auto found = r.query.find("after");
  const auto after = found == r.query.end() ? std::string{} : found->second;
  const auto active = c.live.policy.get();
  const auto states = c.rooms.env.read(
      [&](read_txn& txn) { return c.rooms.campaigns.list(txn, t.id, after, limit); });
  if (!states) return problem_of(states.error());
  json::array all;
  for (const auto& s : *states) all.push_back(shown(s, active->set->rules));
  json::object o{{"tenant", t.name}, {"campaigns", std::move(all)}};
  if (!states->empty() && states->size() == limit) o["next"] = states->back().name;
  return json_response(o);
}

response show(api_context& c, const tenant& t, const std::string& name) {
  const auto active = c.live.policy.get();
  const auto state =
      c.rooms.env.read([&](read_txn& txn) { return c.rooms.campaigns.find(txn, t.id, name); });
  if (!state) return problem_of(state.error());
  if (!*state)
    return problem(404, fmt::format("no campaign {} was seen of {}", printable(name, 64), t.name));
  auto o = shown(**state, active->set->rules);
  o["tenant"] = t.name;
  return json_response(o);
}

resource act(api_context& c, const tenant& t, const request& r, bool is_hold) {
  const auto name = valid_name(r.path[4]);
  if (!name) co_return problem_of(name.error());
  json_body body{r.body};
  const auto reason = body.required_text("reason");
  body.finish();
  auto answer = std::make_shared<std::optional<result<campaign_state>>>();
  commit_loop::operation op = [&c, id = t.id, name = *name, is_hold, reason, actor = actor_of(r),
                               at = c.clock.now(), answer](write_txn& txn) {
    const auto& all = c.rooms.campaigns;
    answer->emplace(is_hold ? all.hold(txn, id, name, actor, reason, at)
                            : all.release(txn, id, name, actor, reason, at));
  };
  const auto done = co_await c.rooms.commits.commit(std::move(op));
  if (!done) co_return problem_of(done.error());
  if (!**answer) co_return problem_of((*answer)->error());
  log::warn("app/admin", is_hold ? "campaign_held" : "campaign_released",
            {{"tenant", t.name}, {"campaign", *name}, {"person", r.person}, {"reason", reason}});
  auto o = shown(***answer, c.live.policy.get()->set->rules);
  o["tenant"] = t.name;
  co_return json_response(o);
}

}  // namespace

resource campaigns_resource(api_context& c, const tenant& given, request r) {
  const auto t = given;
  if (r.path.size() == 4 && r.method == "GET") co_return list(c, t, r);
  if (r.path.size() == 5 && r.method == "GET") co_return show(c, t, r.path[4]);
  const auto what = r.path.size() == 6 && r.method == "POST" ? r.path[5] : std::string{};
  if (what == "hold" || what == "release") co_return co_await act(c, t, r, what == "hold");
  co_return problem(405, "GET campaigns, GET campaigns/NAME, POST campaigns/NAME/hold or release");
}

}  // namespace consentry::app::admin
