// The sites that mail waits for, what each said last, and what is stopped by hand.
//
//   GET  /v1/queue/sites[?limit=]
//   GET  /v1/queue/stops
//   POST /v1/queue/suspend, /v1/queue/resume   {"what": "intake|deliveries|site|source", "name",
//                                               "reason"}
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "app/admin/api.h"
#include "app/admin/queue_query.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t domains_looked_at_max = 200'000;
constexpr std::size_t flows_looked_at_max = 100'000;
constexpr std::string_view unknown_site = "(not looked up)";

struct site {
  queue::queue_counts waiting;
  std::vector<std::string> domains;  // a few of them
  std::size_t domain_count = 0;
  json::array paths;
  std::size_t in_flight = 0;
  std::size_t in_memory = 0;
};

result<std::map<std::string, site>> find_sites(api_context& c, bool& is_whole) {
  constexpr std::size_t named_max = 5;
  std::map<std::string, site> sites;
  const auto read = c.rooms.env.read([&](read_txn& txn) {
    std::string resume;
    std::size_t seen = 0;
    do {
      for (auto& d : c.rooms.queue.waiting().by_domain(txn, {}, resume, 1000)) {
        ++seen;
        const auto known = c.carrier->site_of(d.domain);
        auto& s = sites[known ? *known : std::string{unknown_site}];
        s.waiting += d.waiting;
        ++s.domain_count;
        if (s.domains.size() < named_max) s.domains.push_back(std::move(d.domain));
      }
    } while (!resume.empty() && seen < domains_looked_at_max);
    is_whole = resume.empty();
    return true;
  });
  if (!read) return read.error();
  const auto paths = c.paths();
  for (const auto& p : *paths) {
    const auto name = queue::site_of_path(p.path);
    if (name == queue::nowhere) continue;
    auto& s = sites[std::string{name}];
    s.in_flight += p.in_flight;
    s.in_memory += p.waiting + p.in_flight;
    json::object o{{"source", queue::source_of_path(p.path)},
                   {"rule", p.rule},
                   {"waiting", p.waiting},
                   {"in_flight", p.in_flight},
                   {"connections_max", p.connections_max},
                   {"down", p.is_down}};
    if (p.opens > c.clock.now()) o["opens_at"] = to_string_utc(p.opens);
    s.paths.push_back(std::move(o));
  }
  return sites;
}

json::object shown(const queue::site_reply& r) {
  json::object o{{"at", to_string_utc(r.at)},
                 {"outcome", smtp::to_string(r.kind)},
                 {"text", to_valid_utf8(r.text)}};
  if (!r.host.empty()) o["host"] = r.host;
  return o;
}

// Those first that most mail waits for.
response sites(api_context& c, const request& r) {
  const auto limit = number_of(r, "limit", 50, 1000);
  bool is_whole = true;
  auto found = find_sites(c, is_whole);
  if (!found) return problem_of(found.error());
  std::vector<std::pair<std::string, site>> all{std::make_move_iterator(found->begin()),
                                                std::make_move_iterator(found->end())};
  const auto weight = [](const site& s) { return s.waiting.queued + s.waiting.held + s.in_memory; };
  std::sort(all.begin(), all.end(),
            [&](const auto& a, const auto& b) { return weight(a.second) > weight(b.second); });
  const auto count = all.size();
  if (all.size() > limit) all.resize(limit);
  json::array out;
  for (auto& [name, s] : all) {
    json::array domains;
    for (const auto& d : s.domains) domains.emplace_back(d);
    json::object o{{"site", name},
                   {"domains", std::move(domains)},
                   {"domain_count", s.domain_count},
                   {"queued", s.waiting.queued},
                   {"deferred", s.waiting.deferred},
                   {"held", s.waiting.held},
                   {"in_flight", s.in_flight},
                   {"paths", std::move(s.paths)},
                   {"suspended", c.rooms.stops.has(queue::suspended::site, name)}};
    if (const auto last = c.site_replies->find(name)) o["last_reply"] = shown(*last);
    out.push_back(std::move(o));
  }
  return json_response(
      json::object{{"sites", std::move(out)}, {"count", count}, {"whole", is_whole}});
}

json::object shown(const queue::suspension& s) {
  json::object o{{"what", queue::to_string(s.what)},
                 {"reason", to_valid_utf8(s.reason)},
                 {"actor", s.actor},
                 {"at", to_string_utc(s.at)}};
  if (!s.name.empty()) o["name"] = s.name;
  if (!s.asked.empty()) o["domain"] = s.asked;
  return o;
}

// Whether mail would leave now: due, and not for a path that is closed or stopped.
bool is_any_ready(const api_context& c, const read_txn& txn, instant now) {
  constexpr std::size_t groups_max = 10'000;
  std::map<std::string, bool> closed;
  const auto paths = c.paths();
  for (const auto& p : *paths)
    closed[p.path] =
        p.opens > now || p.is_down ||
        c.rooms.stops.stops(queue::site_of_path(p.path), queue::source_of_path(p.path));
  for (const auto& p : *paths)
    if (p.waiting != 0 && !closed[p.path.substr(0, 300)]) return true;
  for (const auto in : {queue::lane::prompt, queue::lane::bulk})
    for (const auto& group : c.rooms.queue.parked_groups(txn, in, groups_max))
      if (const auto found = closed.find(group); found == closed.end() || !found->second)
        return true;
  return c.rooms.queue.is_any_due(txn, now, flows_looked_at_max);
}

// What a drain watches, too.
response stops(api_context& c) {
  json::array all;
  for (const auto& s : c.rooms.stops.list()) all.push_back(shown(s));
  auto o = c.rooms.env.read([&](read_txn& txn) {
    return json::object{{"stops", std::move(all)},
                        {"due", is_any_ready(c, txn, c.clock.now())},
                        {"waiting", counts_json(c.rooms.queue.counts(txn))}};
  });
  if (!o) return problem_of(o.error());
  (*o)["in_flight"] = c.queue_stats().in_flight;
  return json_response(*o);
}

std::optional<queue::suspended> parse_what(std::string_view text) {
  using queue::suspended;
  for (const auto w :
       {suspended::intake, suspended::deliveries, suspended::site, suspended::source})
    if (text == queue::to_string(w)) return w;
  return std::nullopt;
}

resource change(api_context& c, request r, bool suspends) {
  json_body body{r.body};
  const auto what = parse_what(body.required_text("what"));
  auto name = body.text("name");
  const auto reason = body.required_text("reason");
  body.finish();
  if (!what) co_return problem(422, "what must be one of intake, deliveries, site, source");
  const bool has_name = *what == queue::suspended::site || *what == queue::suspended::source;
  if (has_name == name.empty())
    co_return problem(422, has_name ? "name the site or the source" : "this has no name");
  auto s = std::make_shared<queue::suspension>();
  s->what = *what;
  s->name = name;
  s->reason = reason;
  s->actor = actor_of(r);
  s->at = c.clock.now();
  if (*what == queue::suspended::site && !c.rooms.stops.has(*what, name)) {
    auto found = co_await find_site(c, name);
    if (!found) co_return problem_of(found.error());
    if (found->site != name) s->asked = name;
    s->name = found->site;
  }
  if (suspends && *what == queue::suspended::source &&
      c.live.pacing.get()->find_source(name) == nullptr)
    co_return problem(422, fmt::format("no source {} in the pacing rules", printable(name, 64)));
  if (suspends && c.rooms.stops.list().size() >= queue::suspensions::count_max)
    co_return problem(409, "so much is stopped already");
  auto was_there = std::make_shared<bool>(true);
  commit_loop::operation op = [&c, s, suspends, was_there](write_txn& txn) {
    if (suspends)
      c.rooms.stops.put(txn, *s);
    else
      *was_there = c.rooms.stops.erase(txn, s->what, s->name);
    if (!*was_there) return;
    journal::event e{.kind = journal::event_kind::desk_act, .at = s->at};
    e.reason = s->reason;
    e.actor = s->actor;
    e.facts["what"] = suspends ? "queue.suspend" : "queue.resume";
    e.facts["stopped"] = queue::to_string(s->what);
    if (!s->name.empty()) e.facts["name"] = s->name;
    c.rooms.journal.append(txn, e);
  };
  const auto committed = co_await c.rooms.commits.commit(std::move(op));
  if (!committed) co_return problem_of(committed.error());
  if (!*was_there) co_return problem(404, "that is not stopped");
  const auto reloaded = c.rooms.env.read([&](read_txn& txn) { c.rooms.stops.reload(txn); });
  if (!reloaded) co_return problem_of(reloaded.error());
  c.stops_changed();
  co_return stops(c);
}

}  // namespace

resource queue_sites_resource(api_context& c, request r) {
  co_return sites(c, r);
}

resource queue_stops_resource(api_context& c, request r) {
  if (r.method == "GET") co_return stops(c);
  const bool suspends = r.path.back() == "suspend";
  co_return co_await change(c, std::move(r), suspends);
}

}  // namespace consentry::app::admin
