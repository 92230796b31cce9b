// The queue: list, one message, and hold, release, purge.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/access.h"
#include "app/admin/api.h"
#include "app/desk_samples.h"
#include "app/queue_control.h"
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
  return o;
}

// Names out of a query or a body into what the store understands. configuration_error for what does
// not exist.
queue::queue_filter filter_of(const policy::tenants::tenant_directory& directory,
                              const std::string& tenant, const std::string& stream,
                              const std::string& campaign, const std::string& message) {
  queue::queue_filter f;
  if (!tenant.empty()) {
    const auto* t = directory.find_named(tenant);
    if (t == nullptr) throw configuration_error(fmt::format("no tenant {}", printable(tenant, 64)));
    f.tenant = t->id;
  }
  if (!stream.empty()) {
    f.stream = smtp::parse_stream(stream);
    if (!f.stream)
      throw configuration_error("stream must be one of bulk, transactional, automation, doi");
  }
  if (!campaign.empty()) f.campaign = campaign;
  if (!message.empty()) {
    const auto id = parse_message_id(message);
    if (!id) throw configuration_error("message must be a number like m0000012");
    f.message = *id;
  }
  return f;
}

std::string asked(const request& r, const std::string& name) {
  const auto found = r.query.find(name);
  return found == r.query.end() ? std::string{} : found->second;
}

// only: for its own people.
response list(api_context& c, const policy::tenants::tenant* only, const request& r) {
  const auto directory = c.rooms.directory.get();
  const auto filter = filter_of(*directory, only != nullptr ? only->name : asked(r, "tenant"),
                                asked(r, "stream"), asked(r, "campaign"), "");
  const auto limit = number_of(r, "limit", 50, 1000);
  std::string resume;
  if (const auto after = asked(r, "after"); !after.empty()) {
    const auto bytes = parse_hex(after);
    if (!bytes) return problem(422, "after must be what the page before gave as next");
    resume = *bytes;
  }
  auto o = c.rooms.env.read([&](read_txn& txn) {
    json::array messages;
    for (const auto& m : c.rooms.queue.list(txn, filter, resume, limit))
      messages.push_back(shown(m, *directory));
    const auto counts =
        only != nullptr ? c.rooms.queue.counts(txn, only->id) : c.rooms.queue.counts(txn);
    json::object out{{"messages", std::move(messages)},
                     {"total", json::object{{"messages", counts.messages},
                                            {"queued", counts.queued},
                                            {"held", counts.held}}}};
    if (!resume.empty()) out["next"] = hex(resume);
    return out;
  });
  return o ? json_response(*o) : problem_of(o.error());
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

resource act(api_context& c, const request& r, queue_act what) {
  json_body body{r.body};
  const auto tenant = body.text("tenant");
  const auto stream = body.text("stream");
  const auto campaign = body.text("campaign");
  const auto message = body.text("message");
  queue_order order{.what = what, .reason = body.required_text("reason"), .actor = actor_of(r)};
  body.finish();
  if (tenant.empty() && message.empty())
    co_return problem(422, "name a tenant or a message: nobody means the whole queue");
  const auto directory = c.rooms.directory.get();
  order.which = filter_of(*directory, tenant, stream, campaign, message);
  // Released mail is due from here on, also where a later slice fails: the scheduler looks only
  // where it is told to.
  const auto begun = c.clock.now();
  // Before it is carried out: purged mail has no body any more.
  auto look = [&c, order, begun] { return samples_of(c.rooms, order, begun); };
  auto samples = co_await c.workers.run(std::move(look));
  const auto changed = co_await carry_out(c.rooms, c.clock, std::move(order));
  if (what == queue_act::release) c.notify_queue(begun);
  if (!changed) co_return problem_of(changed.error());
  if (!samples.empty()) {
    commit_loop::operation keep = [&c, samples = std::move(samples)](write_txn& txn) {
      keep_samples(txn, c.rooms, samples);
    };
    if (const auto kept = co_await c.rooms.commits.commit(std::move(keep)); !kept)
      co_return problem_of(kept.error());
  }
  co_return json_response(json::object{{"changed", *changed}});
}

}  // namespace

resource queue_resource(api_context& c, request r) {
  const auto part = r.path.size() > 2 ? r.path[2] : std::string{};
  if (r.method == "POST") {
    if (part == "hold") co_return co_await act(c, r, queue_act::hold);
    if (part == "release") co_return co_await act(c, r, queue_act::release);
    if (part == "purge") co_return co_await act(c, r, queue_act::purge);
    co_return problem(404, "POST hold, release or purge");
  }
  if (part.empty()) co_return list(c, nullptr, r);
  co_return co_await show(c, nullptr, std::move(r));
}

resource tenant_queue_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  if (r.path.size() == 4) co_return list(c, &t, r);
  co_return co_await show(c, &t, std::move(r));
}

}  // namespace consentry::app::admin
