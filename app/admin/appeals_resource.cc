// What tenants object to, and its 30-day clock (RULES A2 clauses 3 and 13).
//
//   GET  /v1/appeals[?limit=N]                   the open ones of all tenants, the first due first
//   GET  /v1/tenants/T/appeals[?after=a3&limit=N]
//   POST /v1/tenants/T/appeals                   {"about": "block", "text": "...", "campaign": ""}
//   POST /v1/tenants/T/appeals/a3/close          {"outcome": "granted", "answer": "..."}
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/admin/write_once.h"
#include "app/appeal_store.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

json::object shown(const appeal& a, instant now) {
  json::object o{{"appeal", appeal_id(a.number)},
                 {"about", name_of(a.about)},
                 {"text", a.text},
                 {"opened_by", a.opened_by},
                 {"opened_at", to_string_utc(a.opened_at)},
                 {"due", to_string(a.due)},
                 {"state", name_of(a.outcome)}};
  if (!a.campaign.empty()) o["campaign"] = to_valid_utf8(a.campaign);
  if (a.is_open()) {
    o["days_left"] = a.days_left(now);
    o["overdue"] = a.is_overdue(now);
  } else {
    o["answer"] = a.answer;
    o["closed_by"] = a.closed_by;
    o["closed_at"] = to_string_utc(a.closed_at);
  }
  return o;
}

response list(api_context& c, const policy::tenants::tenant& t, const request& r) {
  const auto limit = number_of(r, "limit", 100, 1000);
  std::uint32_t after = 0;
  if (const auto given = r.query.find("after"); given != r.query.end()) {
    const auto number = parse_appeal_id(given->second);
    if (!number) return problem(422, "after: an appeal as it was named, a3");
    after = *number;
  }
  const auto found = c.rooms.env.read(
      [&](read_txn& txn) { return c.rooms.appeals.list(txn, t.id, after, limit); });
  if (!found) return problem_of(found.error());
  json::array all;
  for (const auto& a : *found) all.push_back(shown(a, c.clock.now()));
  json::object o{{"tenant", t.name}, {"appeals", std::move(all)}};
  if (!found->empty() && found->size() == limit) o["next"] = appeal_id(found->back().number);
  return json_response(o);
}

resource open(api_context& c, const policy::tenants::tenant& t, const request& r) {
  json_body body{r.body};
  appeal wanted;
  wanted.tenant = t.id;
  const auto about = parse_appeal_about(body.required_text("about"));
  wanted.text = body.required_text("text");
  wanted.campaign = body.text("campaign");
  body.finish();
  if (!about) co_return problem(422, "about: block, hold, suspension, refusal or other");
  wanted.about = *about;
  wanted.opened_by = actor_of(r);
  wanted.opened_at = c.clock.now();
  std::function<response(write_txn&)> write = [&c, wanted](write_txn& txn) {
    const auto made = c.rooms.appeals.open(txn, wanted);
    return made ? json_response(shown(*made, wanted.opened_at), 201) : problem_of(made.error());
  };
  co_return co_await write_once(c, t.id, r, std::move(write));
}

resource close(api_context& c, const policy::tenants::tenant& t, const request& r) {
  json_body body{r.body};
  const auto outcome = parse_appeal_outcome(body.required_text("outcome"));
  const auto answer = body.required_text("answer");
  body.finish();
  const auto number = parse_appeal_id(r.path[4]);
  if (!number) co_return problem(404, "no such appeal");
  if (!outcome) co_return problem(422, "outcome: granted, rejected, settled or withdrawn");
  std::function<response(write_txn&)> write = [&c, id = t.id, number = *number, outcome = *outcome,
                                               answer, actor = actor_of(r),
                                               at = c.clock.now()](write_txn& txn) {
    const auto done = c.rooms.appeals.close(txn, id, number, outcome, answer, actor, at);
    return done ? json_response(shown(*done, at)) : problem_of(done.error());
  };
  co_return co_await write_once(c, t.id, r, std::move(write));
}

}  // namespace

resource appeals_resource(api_context& c, const policy::tenants::tenant& given, request r) {
  const auto t = given;
  if (r.path.size() == 4 && r.method == "GET") co_return list(c, t, r);
  if (r.path.size() == 4 && r.method == "POST") co_return co_await open(c, t, r);
  if (r.path.size() == 6 && r.path[5] == "close" && r.method == "POST")
    co_return co_await close(c, t, r);
  co_return problem(404, "no such resource");
}

resource all_appeals_resource(api_context& c, request r) {
  const auto limit = number_of(r, "limit", 100, 1000);
  const auto found =
      c.rooms.env.read([&](read_txn& txn) { return c.rooms.appeals.all_open(txn, limit); });
  if (!found) co_return problem_of(found.error());
  const auto directory = c.rooms.directory.get();
  json::array all;
  for (const auto& a : *found) {
    auto o = shown(a, c.clock.now());
    const auto* t = directory->find(a.tenant);
    o["tenant"] = t == nullptr ? std::string{} : t->name;
    all.push_back(std::move(o));
  }
  co_return json_response(json::object{{"appeals", std::move(all)}});
}

}  // namespace consentry::app::admin
