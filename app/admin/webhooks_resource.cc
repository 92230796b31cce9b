// A tenant's webhooks: added with a secret that is shown once, tested, paused, removed; what they
// could not be told, and to tell it again.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/access.h"
#include "app/admin/commit_change.h"
#include "app/outcome_feed.h"
#include "app/report_services.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
constexpr std::chrono::milliseconds old_secret_lasts = std::chrono::hours{24};

json::object shown(const webhook& w, std::size_t dead) {
  json::object o{{"webhook", webhook_name(w.number)},
                 {"url", w.url},
                 {"only", json::value_from(w.only)},
                 {"state", w.is_paused       ? "paused"
                           : w.failures != 0 ? "failing"
                                             : "active"},
                 {"cursor", std::to_string(w.cursor.value)},
                 {"told", w.told},
                 {"failures", w.failures},
                 {"dead_letters", dead},
                 {"created_at", to_string_utc(w.created_at)},
                 {"created_by", w.created_by}};
  if (w.told_at) o["told_at"] = to_string_utc(*w.told_at);
  if (w.is_paused) o["paused_because"] = w.paused_because;
  if (!w.last_error.empty()) o["last_error"] = w.last_error;
  if (w.last_status != 0) o["last_status"] = w.last_status;
  if (w.failures != 0 && !w.is_paused) o["next_at"] = to_string_utc(w.next_at);
  return o;
}

json::object shown(const dead_letter& d) {
  return {{"first", std::to_string(d.first.value)},
          {"through", std::to_string(d.through.value)},
          {"outcomes", d.outcomes},
          {"at", to_string_utc(d.at)},
          {"why", d.why},
          {"wanted", d.is_wanted}};
}

// Of a URL the journal keeps the host: paths and queries may hold secrets.
void enter(api_context& c, write_txn& txn, tenant_id tenant, const webhook& w, const char* act,
           const std::string& actor, const std::string& reason, instant at) {
  journal::event e{.kind = journal::event_kind::desk_act,
                   .at = at,
                   .tenant = tenant,
                   .reason = reason,
                   .actor = actor};
  e.facts = {{"act", act}, {"webhook", webhook_name(w.number)}};
  if (const auto host = outward_host(w.url)) e.facts["host"] = *host;
  c.rooms.journal.append(txn, e);
}

std::vector<std::string> names_of(json_body& body) {
  auto names = body.texts("only");
  for (const auto& n : names)
    if (!outcome_kinds_of(n))
      throw configuration_error("only: no outcome is called " + printable(n, 64));
  return names;
}

resource add(api_context& c, tenant_id tenant, const request& r) {
  json_body body{r.body};
  webhook wanted;
  wanted.url = body.required_text("url");
  wanted.only = names_of(body);
  const auto after = body.text("after", "now");
  body.finish();
  if (wanted.url.size() > webhook_url_bytes_max) co_return problem(422, "url: is too long");
  if (const auto host = outward_host(wanted.url); !host) co_return problem_of(host.error());
  std::optional<std::uint64_t> from;
  if (after != "now") {
    request asked;
    asked.query["after"] = after;
    from = number_of(asked, "after", 0, ~0ULL >> 1);
  }
  const auto secret = make_webhook_secret(c.reporting->webhooks().options().key);
  wanted.secret = secret.sealed;
  wanted.created_at = c.clock.now();
  wanted.created_by = actor_of(r);
  std::function<result<webhook>(write_txn&)> f = [&c, tenant, wanted,
                                                  from](write_txn& txn) -> result<webhook> {
    auto w = wanted;
    const auto last = c.rooms.journal.last(txn);
    w.cursor = from ? journal_seq{std::min(*from, last.value)} : last;
    auto added = c.rooms.webhooks.add(txn, tenant, std::move(w));
    if (added)
      enter(c, txn, tenant, *added, "webhook.add", wanted.created_by, {}, wanted.created_at);
    return added;
  };
  const auto added = co_await commit_change<webhook>(c, std::move(f));
  if (!added) co_return problem_of(added.error());
  auto o = shown(*added, 0);
  o["secret"] = secret.shown;
  co_return json_response(o, 201);
}

response list(api_context& c, tenant_id tenant) {
  auto all = c.rooms.env.read([&](read_txn& txn) {
    json::array out;
    for (const auto& w : c.rooms.webhooks.of_tenant(txn, tenant))
      out.push_back(shown(w, c.rooms.webhooks.dead(txn, {tenant, w.number}).size()));
    return out;
  });
  if (!all) return problem_of(all.error());
  return json_response(json::object{{"webhooks", std::move(*all)}});
}

response show(api_context& c, const webhook_id& id) {
  auto o = c.rooms.env.read([&](read_txn& txn) -> std::optional<json::object> {
    const auto w = c.rooms.webhooks.find(txn, id);
    if (!w) return std::nullopt;
    return shown(*w, c.rooms.webhooks.dead(txn, id).size());
  });
  if (!o) return problem_of(o.error());
  return *o ? json_response(**o) : problem(404, "no such webhook");
}

response list_dead(api_context& c, const webhook_id& id) {
  auto o = c.rooms.env.read([&](read_txn& txn) -> std::optional<json::object> {
    if (!c.rooms.webhooks.find(txn, id)) return std::nullopt;
    json::array letters;
    for (const auto& d : c.rooms.webhooks.dead(txn, id)) letters.push_back(shown(d));
    return json::object{{"dead_letters", std::move(letters)}};
  });
  if (!o) return problem_of(o.error());
  return *o ? json_response(**o) : problem(404, "no such webhook");
}

resource test(api_context& c, webhook_id id) {
  auto found = c.rooms.env.read([&](read_txn& txn) { return c.rooms.webhooks.find(txn, id); });
  if (!found) co_return problem_of(found.error());
  if (!*found) co_return problem(404, "no such webhook");
  auto w = std::move(**found);
  const auto a = co_await c.reporting->webhooks().test(id, std::move(w));
  json::object o{{"ok", a.error.empty()}, {"took_ms", a.took.count()}};
  if (a.status != 0) o["status"] = a.status;
  if (!a.error.empty()) o["error"] = a.error;
  co_return json_response(o);
}

// What changes one endpoint and is entered. change: empty answer is a 404.
using change = std::function<void(write_txn&, webhook&)>;
resource change_one(api_context& c, webhook_id id, const char* act, const request& r, change f,
                    json::object more = {}) {
  json_body body{r.body};
  auto reason = body.text("reason");
  body.finish();
  std::function<result<json::object>(write_txn&)> op =
      [&c, id, act, f = std::move(f), reason = std::move(reason), actor = actor_of(r),
       at = c.clock.now()](write_txn& txn) -> result<json::object> {
    auto w = c.rooms.webhooks.find(txn, id);
    if (!w)
      return failure{
          .kind = failure_kind::not_found, .permanent = true, .public_text = "no such webhook"};
    f(txn, *w);
    c.rooms.webhooks.put(txn, id, *w);
    enter(c, txn, id.tenant, *w, act, actor, reason, at);
    return shown(*w, c.rooms.webhooks.dead(txn, id).size());
  };
  auto done = co_await commit_change<json::object>(c, std::move(op));
  if (!done) co_return problem_of(done.error());
  for (const auto& m : more) (*done)[m.key()] = m.value();
  co_return json_response(*done);
}

resource act(api_context& c, webhook_id id, const request& r) {
  const auto& name = r.path[5];
  if (name == "test") return test(c, id);
  if (name == "pause") {
    change f = [by = actor_of(r)](write_txn&, webhook& w) {
      w.is_paused = true;
      w.paused_because = "by " + by;
    };
    return change_one(c, id, "webhook.pause", r, std::move(f));
  }
  if (name == "resume") {
    change f = [](write_txn&, webhook& w) {
      w.is_paused = false;
      w.paused_because.clear();
      w.next_at = {};
      w.attempts = 0;
    };
    return change_one(c, id, "webhook.resume", r, std::move(f));
  }
  if (name == "rotate") {
    const auto fresh = make_webhook_secret(c.reporting->webhooks().options().key);
    change f = [sealed = fresh.sealed, until = c.clock.now() + old_secret_lasts](write_txn&,
                                                                                 webhook& w) {
      w.old_secret = w.secret;
      w.old_secret_until = until;
      w.secret = sealed;
    };
    return change_one(c, id, "webhook.rotate", r, std::move(f), {{"secret", fresh.shown}});
  }
  change f = [&c, id](write_txn& txn, webhook& w) {
    for (auto d : c.rooms.webhooks.dead(txn, id)) {
      d.is_wanted = true;
      c.rooms.webhooks.put(txn, id, d);
    }
    w.next_at = {};
  };
  return change_one(c, id, "webhook.replay", r, std::move(f));
}

resource remove(api_context& c, webhook_id id, const request& r) {
  std::function<result<bool>(write_txn&)> op = [&c, id, actor = actor_of(r), reason = reason_of(r),
                                                at =
                                                    c.clock.now()](write_txn& txn) -> result<bool> {
    const auto w = c.rooms.webhooks.find(txn, id);
    if (!w)
      return failure{
          .kind = failure_kind::not_found, .permanent = true, .public_text = "no such webhook"};
    c.rooms.webhooks.remove(txn, id);
    enter(c, txn, id.tenant, *w, "webhook.remove", actor, reason, at);
    return true;
  };
  const auto done = co_await commit_change<bool>(c, std::move(op));
  if (!done) co_return problem_of(done.error());
  co_return json_response(json::object{{"removed", true}});
}

}  // namespace

resource webhooks_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  const auto tenant = t.id;
  if (c.reporting == nullptr) co_return problem(503, "nothing is told from here");
  const bool is_get = r.method == "GET";
  if (r.path.size() == 4) co_return is_get ? list(c, tenant) : co_await add(c, tenant, r);
  const auto number = parse_webhook_name(r.path[4]);
  if (!number) co_return problem(404, "no such webhook");
  const webhook_id id{tenant, *number};
  if (r.path.size() == 5 && is_get) co_return show(c, id);
  if (r.path.size() == 5) co_return co_await remove(c, id, r);
  if (is_get) co_return list_dead(c, id);
  co_return co_await act(c, id, r);
}

}  // namespace consentry::app::admin
