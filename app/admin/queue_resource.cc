// The queue: its open messages, one of them, and what is done to it by hand.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "app/admin/access.h"
#include "app/admin/api.h"
#include "app/admin/queue_query.h"
#include "app/queue_orders.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

json::object shown(const queue::queued_message& m,
                   const policy::tenants::tenant_directory& directory) {
  const auto* t = directory.find(m.tenant);
  json::object o{{"message", to_string(m.id)},
                 {"tenant", t != nullptr ? t->name : std::to_string(m.tenant.value)},
                 {"stream", smtp::to_string(m.stream)},
                 {"campaign", m.campaign},
                 {"topic", m.topic},
                 {"from", m.reverse_path},
                 {"accepted_at", to_string_utc(m.accepted_at)},
                 {"expires_at", to_string_utc(m.expires_at)},
                 {"recipients", m.recipients_total},
                 {"open", m.recipients_open},
                 {"held", m.recipients_held},
                 {"bytes", m.body_at.length}};
  if (m.is_notice) o["notice_for"] = to_string(m.about);
  return o;
}

json::object shown(const queue::queued_recipient& r) {
  json::object o{{"recipient", to_string(r.id)},
                 {"state", queue::to_string(r.state)},
                 {"attempts", r.attempts},
                 {"person", hex(r.person)}};
  if (!r.address.empty()) o["address"] = r.address;
  if (r.state == queue::recipient_state::queued)
    o["next_attempt_at"] = to_string_utc(r.next_attempt_at);
  if (!r.last_reply.empty()) o["last_reply"] = to_valid_utf8(r.last_reply);
  if (!r.last_host.empty()) o["last_host"] = r.last_host;
  if (!r.reason.empty()) o["reason"] = r.reason;
  if (!r.pool.empty()) o["pool"] = r.pool;
  return o;
}

named_text asked_in(const request& r) {
  return [&r](const std::string& name) {
    const auto found = r.query.find(name);
    return found == r.query.end() ? std::string{} : found->second;
  };
}

// only: for its own people.
resource list(api_context& c, const policy::tenants::tenant* only, request r) {
  const auto directory = c.rooms.directory.get();
  if (only != nullptr) r.query["tenant"] = only->name;
  auto asked = asked_in(r);
  const auto filter = co_await find_filter(c, std::move(asked));
  if (!filter) co_return problem_of(filter.error());
  const auto limit = number_of(r, "limit", 50, 1000);
  std::string resume;
  if (const auto found = r.query.find("after"); found != r.query.end() && !found->second.empty()) {
    const auto& after = found->second;
    const auto bytes = parse_hex(after);
    if (!bytes) co_return problem(422, "after must be what the page before gave as next");
    resume = *bytes;
  }
  auto o = c.rooms.env.read([&](read_txn& txn) {
    json::array messages;
    for (const auto& m : c.rooms.queue.list(txn, *filter, resume, limit))
      messages.push_back(shown(m, *directory));
    const auto counts =
        only != nullptr ? c.rooms.queue.counts(txn, only->id) : c.rooms.queue.counts(txn);
    json::object out{{"messages", std::move(messages)}, {"total", counts_json(counts)}};
    if (!resume.empty()) out["next"] = hex(resume);
    return out;
  });
  co_return o ? json_response(*o) : problem_of(o.error());
}

resource show(api_context& c, const policy::tenants::tenant* only, request r) {
  const auto id = parse_message_id(r.path.back());
  if (!id) co_return problem(422, "a message is named like m0000012");
  const auto directory = c.rooms.directory.get();
  looked_at what{.what = "showQueuedMessage", .message = *id};
  auto o = c.rooms.env.read([&](read_txn& txn) -> std::optional<json::object> {
    const auto m = c.rooms.queue.message(txn, *id);
    if (!m || (only != nullptr && m->tenant != only->id)) return std::nullopt;
    what.tenant = m->tenant;
    auto out = shown(*m, *directory);
    json::array list;
    for (const auto& x : c.rooms.queue.recipients_of(txn, *m)) list.push_back(shown(x));
    out["recipient_list"] = std::move(list);
    return out;
  });
  if (!o) co_return problem_of(o.error());
  if (!*o)
    co_return problem(404, fmt::format("no message {} in the queue or kept of it", to_string(*id)));
  if (only != nullptr) co_return json_response(**o);  // noted by whoever found the tenant
  const auto noted = co_await note_access(c, r, std::move(what));
  if (!noted) co_return problem_of(noted.error());
  co_return json_response(**o);
}

json::object shown(const queue_order_state& s, const policy::tenants::tenant_directory& directory) {
  json::object o{{"order", s.number},
                 {"what", name_of(s.order.what)},
                 {"actor", s.order.actor},
                 {"reason", to_valid_utf8(s.order.reason)},
                 {"begun_at", to_string_utc(s.begun)},
                 {"done", s.ended != instant{}},
                 {"changed", s.changed}};
  if (const auto* t = directory.find(s.order.which.tenant)) o["tenant"] = t->name;
  if (s.order.which.campaign) o["campaign"] = *s.order.which.campaign;
  if (s.ended != instant{}) o["ended_at"] = to_string_utc(s.ended);
  if (s.expected != 0) o["expected"] = s.expected;
  if (s.failed) o["failed"] = s.failed->public_text;
  return o;
}

std::optional<queue_act> act_named(std::string_view name) {
  for (const auto a :
       {queue_act::hold, queue_act::release, queue_act::purge, queue_act::requeue, queue_act::move})
    if (name == name_of(a)) return a;
  return std::nullopt;
}

// Most orders are done at once; who waits longer is told where to look.
resource act(api_context& c, request r, queue_act what) {
  constexpr std::uint64_t wait_max_s = 20;
  json_body body{r.body};
  std::map<std::string, std::string> given;
  for (const char* name : {"tenant", "stream", "campaign", "message", "recipient", "domain", "site",
                           "state", "held_because", "older_than", "newer_than"})
    given[name] = body.text(name);
  queue_order order{.what = what, .reason = body.required_text("reason"), .actor = actor_of(r)};
  if (what == queue_act::move) order.pool = body.text("pool");
  const auto wait_s = body.number("wait_s");
  body.finish();
  const bool names_some = std::any_of(given.begin(), given.end(), [](const auto& g) {
    return !g.second.empty() && g.first != "stream" && g.first != "state";
  });
  if (!names_some)
    co_return problem(422,
                      "name a tenant, a campaign, a message, a domain, a site, an age or why "
                      "it is held: nobody means the whole queue");
  if (!order.pool.empty() && !c.live.pacing.get()->has_pool(order.pool))
    co_return problem(422,
                      fmt::format("no pool {} in the pacing rules", printable(order.pool, 64)));
  named_text asked = [&given](const std::string& name) { return given[name]; };
  auto filter = co_await find_filter(c, std::move(asked));
  if (!filter) co_return problem_of(filter.error());
  order.which = std::move(*filter);
  if (c.orders == nullptr) {
    const queue_order_parts parts{c.rooms, c.workers, c.clock, c.notify_queue};
    const auto changed = co_await carry_out_whole(parts, std::move(order));
    co_return changed ? json_response(json::object{{"changed", *changed}})
                      : problem_of(changed.error());
  }
  const auto number = c.orders->start(std::move(order));
  if (!number) co_return problem_of(number.error());
  const auto most = std::chrono::seconds{std::min(wait_s.value_or(wait_max_s), wait_max_s)};
  const auto state = co_await c.orders->wait(*number, most);
  if (!state) co_return problem(404, "no such order any more");
  if (state->failed) co_return problem_of(*state->failed);
  const auto directory = c.rooms.directory.get();
  auto out = json_response(shown(*state, *directory));
  if (state->ended == instant{}) out.status = 202;
  co_return out;
}

response orders(api_context& c, const request& r) {
  const auto directory = c.rooms.directory.get();
  if (r.path.size() == 3) {
    json::array all;
    for (const auto& s : c.orders->list()) all.push_back(shown(s, *directory));
    return json_response(json::object{{"orders", std::move(all)}});
  }
  std::uint64_t number = 0;
  const auto& text = r.path.back();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    return problem(422, "an order is named by its number");
  const auto found = c.orders->find(number);
  if (!found) return problem(404, "no such order since the start, or not any more");
  return json_response(shown(*found, *directory));
}

}  // namespace

resource queue_resource(api_context& c, request r) {
  const auto part = r.path.size() > 2 ? r.path[2] : std::string{};
  if (r.method == "POST") {
    const auto what = act_named(part);
    if (!what) co_return problem(404, "POST hold, release, purge, requeue or move");
    co_return co_await act(c, std::move(r), *what);
  }
  if (part.empty()) co_return co_await list(c, nullptr, std::move(r));
  if (part == "orders" && c.orders != nullptr) co_return orders(c, r);
  co_return co_await show(c, nullptr, std::move(r));
}

resource tenant_queue_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  if (r.path.size() == 4) co_return co_await list(c, &t, std::move(r));
  co_return co_await show(c, &t, std::move(r));
}

}  // namespace consentry::app::admin
