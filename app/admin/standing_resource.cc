// A tenant's standing: the figures, the block and its lifting.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/queue_control.h"
#include "app/standing_review.h"
#include "base/log.h"
#include "reputation/standing.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

json::object shown(const reputation::complaint_count& n) {
  json::object o{{"delivered", n.delivered}, {"complaints", n.complaints}};
  if (n.delivered != 0)
    o["per_thousand"] =
        1000.0 * static_cast<double>(n.complaints) / static_cast<double>(n.delivered);
  return o;
}

json::object shown(const reputation::standing& s) {
  json::object o{{"bulk_blocked", s.bulk_blocked}, {"epoch", s.epoch}};
  if (s.since != instant{}) {
    o["since"] = to_string_utc(s.since);
    o["cause"] = s.cause;
    o["actor"] = s.actor;
  }
  return o;
}

json::object shown(const reputation::unblock_proposal& p) {
  return {{"person", p.person}, {"reason", p.reason}, {"at", to_string_utc(p.at)}};
}

reputation::standing_knobs knobs_of(const api_context& c) {
  return standing_knobs_of(c.live.policy.get()->set->rules);
}

// RULES C6: beside the standing, for who looks.
json::array providers_of(const api_context& c, const read_txn& txn, tenant_id tenant,
                         std::uint32_t epoch, reputation::day_window window,
                         const reputation::standing_knobs& knobs) {
  json::array out;
  for (const auto& p : c.rooms.tally.providers(txn, tenant, epoch, window)) {
    auto row = shown(p.count);
    row["provider"] = p.provider;
    row["verdict"] = reputation::to_string(reputation::judge_provider(p.count, knobs));
    out.push_back(std::move(row));
  }
  return out;
}

response show(api_context& c, const policy::tenants::tenant& t) {
  const auto knobs = knobs_of(c);
  auto o = c.rooms.env.read([&](read_txn& txn) {
    const auto standing = c.rooms.blocker.standing_of(txn, t.id);
    const auto window =
        reputation::window_ending(reputation::day_of(c.clock.now()), knobs.window_days);
    const auto figures = c.rooms.tally.figures(txn, t.id, standing.epoch, window, 100);
    const auto decision = reputation::decide(figures, knobs);
    auto out = shown(standing);
    out["tenant"] = t.name;
    out["state"] = policy::tenants::to_string(t.state);
    out["verdict"] = reputation::to_string(decision.verdict);
    out["window"] = json::object{{"first", to_string(reputation::to_date(window.first))},
                                 {"last", to_string(reputation::to_date(window.last))}};
    out["floor"] = knobs.ratio_floor;
    out["warn_percent"] = knobs.warn_percent;
    out["in_window"] = shown(figures.tenant);
    json::array campaigns;
    for (const auto& f : figures.campaigns) {
      auto row = shown(f.count);
      row["campaign"] = f.campaign;
      campaigns.push_back(std::move(row));
    }
    out["campaigns"] = std::move(campaigns);
    out["providers"] = providers_of(c, txn, t.id, standing.epoch, window, knobs);
    if (const auto p = c.rooms.blocker.proposal(txn, t.id)) out["unblock_proposed"] = shown(*p);
    out["appeals_open"] = c.rooms.appeals.count_open(txn, t.id);
    const auto counts = c.rooms.queue.counts(txn, t.id);
    out["queued"] = counts.queued;
    out["held"] = counts.held;
    json::array history;
    for (const auto& h : c.rooms.blocker.history(txn, t.id, 20)) history.push_back(shown(h.after));
    out["history"] = std::move(history);
    return out;
  });
  return o ? json_response(*o) : problem_of(o.error());
}

// Closes or opens the gate with the commit: what is stored decides, also when the commit fails.
boost::asio::awaitable<result<void>> commit_standing(api_context& c, tenant_id tenant,
                                                     commit_loop::operation op) {
  auto done = co_await c.rooms.commits.commit(std::move(op));
  const auto seen = c.rooms.env.read([&](read_txn& txn) { c.rooms.blocker.refresh(txn, tenant); });
  if (!done) co_return done;
  co_return seen;
}

resource block(api_context& c, const policy::tenants::tenant& t, const request& r) {
  json_body body{r.body};
  const auto reason = body.required_text("reason");
  body.finish();
  auto answer = std::make_shared<std::optional<result<bool>>>();
  commit_loop::operation op = [&c, id = t.id, person = actor_of(r), reason, at = c.clock.now(),
                               answer](write_txn& txn) {
    answer->emplace(c.rooms.blocker.block(txn, id, person, reason, at));
  };
  const auto done = co_await commit_standing(c, t.id, std::move(op));
  if (!done) co_return problem_of(done.error());
  if (!**answer) co_return problem_of((*answer)->error());
  if (!***answer) co_return problem(409, t.name + " is blocked already");
  log::warn("app/admin", "bulk_blocked",
            {{"tenant", t.name}, {"person", r.person}, {"reason", reason}});
  // block.queue=hold (RULES A5), as after a block by the ratio: what waits shows as held at once.
  co_await hold_bulk(c.rooms, c.clock, t.id);
  co_return show(c, t);
}

struct unblock_answer {
  result<void> done;
  std::optional<reputation::unblock_proposal> proposed;  // a second person is still needed
};

// unblock.four_eyes: the first person proposes, another one unblocks.
unblock_answer decide_unblock(write_txn& txn, api_context& c, tenant_id tenant,
                              const std::string& person, const std::string& reason, instant at,
                              const policy::rule_knobs& rules) {
  auto& blocker = c.rooms.blocker;
  const auto first = blocker.proposal(txn, tenant);
  if (rules.unblock_four_eyes && (!first || first->person == person)) {
    auto p = blocker.propose_unblock(txn, tenant, person, reason, at);
    if (!p) return {p.error(), std::nullopt};
    return {{}, std::move(*p)};
  }
  const auto done = blocker.unblock(txn, tenant, person, reason, at, rules.unblock_reset);
  if (!done) return {done.error(), std::nullopt};
  return {};
}

resource unblock(api_context& c, const policy::tenants::tenant& t, const request& r) {
  json_body body{r.body};
  const auto reason = body.required_text("reason");
  body.finish();
  auto answer = std::make_shared<unblock_answer>();
  commit_loop::operation op = [&c, id = t.id, person = actor_of(r), reason, at = c.clock.now(),
                               active = c.live.policy.get(), answer](write_txn& txn) {
    *answer = decide_unblock(txn, c, id, person, reason, at, active->set->rules);
  };
  const auto done = co_await commit_standing(c, t.id, std::move(op));
  if (!done) co_return problem_of(done.error());
  if (!answer->done) co_return problem_of(answer->done.error());
  if (answer->proposed) {
    log::warn("app/admin", "unblock_proposed",
              {{"tenant", t.name}, {"person", r.person}, {"reason", reason}});
    co_return json_response(json::object{{"tenant", t.name},
                                         {"bulk_blocked", true},
                                         {"released", 0},
                                         {"waits_for", "a second person"},
                                         {"unblock_proposed", shown(*answer->proposed)}},
                            202);
  }
  log::warn("app/admin", "bulk_unblocked",
            {{"tenant", t.name}, {"person", r.person}, {"reason", reason}});
  // Only what the block held: mail that waits for another reason still waits. Each is judged again
  // before it leaves.
  auto why = "unblocked: " + reason;
  auto actor = actor_of(r);
  auto notify = c.notify_queue;
  const auto released = co_await release_blocked(c.rooms, c.clock, t.id, std::move(why),
                                                 std::move(actor), std::move(notify));
  if (!released) co_return problem_of(released.error());
  co_return json_response(
      json::object{{"tenant", t.name}, {"bulk_blocked", false}, {"released", *released}});
}

}  // namespace

resource standing_resource(api_context& c, const policy::tenants::tenant& given, request r) {
  const auto t = given;
  if (r.path[3] == "standing" && r.method == "GET") co_return show(c, t);
  if (r.path[3] == "block" && r.method == "POST") co_return co_await block(c, t, r);
  if (r.path[3] == "unblock" && r.method == "POST") co_return co_await unblock(c, t, r);
  co_return problem(405, "GET standing, POST block, POST unblock");
}

}  // namespace consentry::app::admin
