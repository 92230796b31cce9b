// Deliveries as they happen. A watch is fetched again and again; an answer waits until there is
// something to tell.
//
//   POST   /v1/traces            {"reason", "tenant", "campaign", "message", "recipient", "domain",
//                                 "site"}: at least one of them
//   GET    /v1/traces/N          [?wait_s=10]
//   DELETE /v1/traces/N
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <charconv>

#include "app/admin/access.h"
#include "app/admin/queue_query.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;
namespace asio = boost::asio;

constexpr std::size_t lines_per_page = 500;

std::string_view name_of(queue::trace_line::by who) {
  using by = queue::trace_line::by;
  return who == by::us ? "us" : who == by::them ? "them" : "note";
}

json::object shown(const queue::trace_line& l) {
  return {{"number", l.number},
          {"at", to_string_utc(l.at)},
          {"delivery", l.delivery},
          {"message", to_string(l.message)},
          {"recipient", to_string(l.recipient)},
          {"site", queue::site_of_path(l.path)},
          {"source", queue::source_of_path(l.path)},
          {"who", name_of(l.who)},
          {"text", to_valid_utf8(l.text)}};
}

resource start(api_context& c, request r) {
  json_body body{r.body};
  std::map<std::string, std::string> given;
  for (const char* name : {"tenant", "campaign", "message"}) given[name] = body.text(name);
  const auto recipient = body.text("recipient");
  const auto domain = body.text("domain");
  auto site = body.text("site");
  const auto reason = body.required_text("reason");
  body.finish();
  const named_text asked = [&given](const std::string& name) {
    const auto found = given.find(name);
    return found == given.end() ? std::string{} : found->second;
  };
  const auto which = filter_of(c, asked);
  queue::trace_filter f{.tenant = which.tenant,
                        .campaign = which.campaign,
                        .message = which.message,
                        .address = recipient,
                        .domain = ascii_lower(domain)};
  if (!f.tenant && !f.campaign && !f.message && recipient.empty() && domain.empty() && site.empty())
    co_return problem(422, "name a tenant, a campaign, a message, a recipient, a domain or a site");
  if (!site.empty()) {
    auto found = co_await find_site(c, std::move(site));
    if (!found) co_return problem_of(found.error());
    f.site = found->site;
  }
  // Whose mail will be seen is not known yet where no tenant is named: the journal keeps that
  // somebody looked.
  auto e = std::make_shared<journal::event>();
  e->kind = journal::event_kind::accessed;
  e->at = c.clock.now();
  e->tenant = f.tenant;
  e->message = f.message;
  e->actor = actor_of(r);
  e->reason = reason;
  e->facts["what"] = "startTrace";
  if (f.campaign) e->campaign = *f.campaign;
  if (!f.site.empty()) e->facts["site"] = f.site;
  if (!f.domain.empty()) e->facts["domain"] = f.domain;
  commit_loop::operation op = [&c, e](write_txn& txn) { c.rooms.journal.append(txn, *e); };
  const auto noted = co_await c.rooms.commits.commit(std::move(op));
  if (!noted) co_return problem_of(noted.error());
  const auto number = c.traces->watch(std::move(f));
  if (number == 0) co_return problem(409, "so many look on already");
  co_return json_response(json::object{{"trace", number}}, 201);
}

resource fetch(api_context& c, request r, std::uint64_t number) {
  const std::chrono::seconds most{number_of(r, "wait_s", 0, 20)};
  asio::steady_timer timer{co_await asio::this_coro::executor};
  const auto until = std::chrono::steady_clock::now() + most;
  for (;;) {
    const auto page = c.traces->fetch(number, lines_per_page);
    if (!page) co_return problem(404, "no such trace any more");
    const bool is_over = std::chrono::steady_clock::now() >= until;
    if (page->lines.empty() && page->dropped == 0 && !is_over) {
      timer.expires_after(std::chrono::milliseconds{50});
      co_await timer.async_wait(asio::use_awaitable);
      continue;
    }
    json::array lines;
    for (const auto& l : page->lines) lines.push_back(shown(l));
    co_return json_response(json::object{{"lines", std::move(lines)}, {"dropped", page->dropped}});
  }
}

}  // namespace

resource traces_resource(api_context& c, request r) {
  if (c.traces == nullptr) co_return problem(503, "no deliveries here");
  if (r.method == "POST") co_return co_await start(c, std::move(r));
  std::uint64_t number = 0;
  const auto& text = r.path.back();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size())
    co_return problem(422, "a trace is named by its number");
  if (r.method == "DELETE") {
    c.traces->end(number);
    co_return json_response(json::object{{"trace", number}});
  }
  co_return co_await fetch(c, std::move(r), number);
}

}  // namespace consentry::app::admin
