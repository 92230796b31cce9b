// What a queued or held mail says, decoded, with what the filters of now see in it: for whoever
// decides about it.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/access.h"
#include "app/scan_report.h"

namespace consentry::app::admin {

namespace {

namespace json = boost::json;

constexpr std::size_t headers_max = 200;

response no_message(message_id id) {
  return problem(404, fmt::format("no message {} in the queue or kept of it", to_string(id)));
}

response read(const api_context& c, const queue::queued_message& m) {
  const auto body = c.rooms.bodies.read(m.body_at);
  if (!body) return problem(404, "the text of this mail is not kept any more");
  const auto active = c.live.policy.get();
  const auto directory = c.rooms.directory.get();
  const sender_view sender{.directory = directory.get(), .tenant = m.tenant};
  const auto reading = read_message(*body, *active->patterns, sender);
  if (!reading) return problem_of(reading.error());
  auto o = scan_report(*reading, judge_content(*active->set, *reading, c.clock.now()), true);
  o["message"] = to_string(m.id);
  json::array headers;
  for (const auto& h : reading->mail.headers)
    if (headers.size() < headers_max)
      headers.push_back(json::object{{"name", h.name}, {"text", h.text}});
  o["headers"] = std::move(headers);
  return json_response(o);
}

// only: for its own people; another's message is as one that nobody sent.
resource content(api_context& c, const policy::tenants::tenant* only, request r) {
  const auto id = parse_message_id(r.path[r.path.size() - 2]);
  if (!id) co_return problem(422, "a message is named like m0000012");
  const auto found =
      c.rooms.env.read([&](read_txn& txn) { return c.rooms.queue.message(txn, *id); });
  if (!found) co_return problem_of(found.error());
  if (!*found || (only != nullptr && (*found)->tenant != only->id)) co_return no_message(*id);
  const auto m = **found;
  if (only == nullptr) {
    looked_at what{.tenant = m.tenant, .what = "readQueuedContent", .message = *id};
    const auto noted = co_await note_access(c, r, std::move(what));
    if (!noted) co_return problem_of(noted.error());
  }
  std::function<response()> work = [&c, m] { return read(c, m); };
  co_return co_await c.workers.run(std::move(work));
}

}  // namespace

resource content_resource(api_context& c, request r) {
  return content(c, nullptr, std::move(r));
}

resource tenant_content_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  return content(c, &t, std::move(r));
}

}  // namespace consentry::app::admin
