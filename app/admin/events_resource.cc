// What happens, as it happens: GET /v1/events, server-sent events (HTML Living Standard, section
// 9.2) that say what kinds of entries came and for whom, so that a page knows what to ask for anew.
// And the minutes of the last day: GET /v1/stats/minutes.
#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "app/admin/access.h"
#include "app/admin/board_view.h"

namespace consentry::app::admin {

namespace {

namespace json = boost::json;

constexpr int followers_max = 40;  // of 256 connections
constexpr auto tick = std::chrono::seconds{1};
constexpr int ticks_between_signs_of_life = 15;
constexpr int ticks_max = 3600;  // then the page comes again, and is asked who it is

struct follower {
  explicit follower(std::atomic<int>& n) : count{n} { ++count; }
  ~follower() { --count; }
  follower(const follower&) = delete;
  follower& operator=(const follower&) = delete;

  std::atomic<int>& count;
  request asked;
  journal_seq seen;
  int ticks = 0;
  int quiet = 0;
};

bool is_still_in(const api_context& c, const request& r) {
  if (!r.by_session) return true;
  const auto found = c.rooms.env.read([&](read_txn& txn) {
    const auto s = c.rooms.users.in_session(txn, *r.by_session, c.console.sessions, c.clock.now());
    return s && s->who.as == r.as && s->who.tenant == r.tenant;
  });
  return found && *found;
}

std::string event_of(const api_context& c, const news& n) {
  json::object kinds;
  for (const auto& [kind, count] : n.kinds) kinds[kind] = count;
  json::array tenants;
  const auto directory = c.rooms.directory.get();
  for (const auto id : n.tenants)
    if (const auto* t = directory->find(id)) tenants.push_back(json::value(t->name));
  const json::object o{
      {"last", n.last.value}, {"kinds", std::move(kinds)}, {"tenants", std::move(tenants)}};
  return fmt::format("id: {}\nevent: news\ndata: {}\n\n", n.last.value, json::serialize(o));
}

boost::asio::awaitable<std::string> next_news(api_context& c, std::shared_ptr<follower> f) {
  boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
  while (f->ticks++ < ticks_max) {
    timer.expires_after(f->ticks == 1 ? std::chrono::milliseconds{1} : tick);
    co_await timer.async_wait(boost::asio::use_awaitable);
    if (f->ticks % ticks_between_signs_of_life == 0 && !is_still_in(c, f->asked)) co_return "";
    std::function<std::optional<news>()> work = [&c, f]() -> std::optional<news> {
      if (!catch_up(c, c.board)) return std::nullopt;
      return c.board.since(f->seen, f->asked.tenant);
    };
    const auto n = co_await c.workers.run(std::move(work));
    if (!n) co_return "";
    const bool is_first = f->ticks == 1;
    f->seen = n->last;
    if (is_first || !n->kinds.empty()) {
      f->quiet = 0;
      co_return event_of(c, *n);
    }
    if (++f->quiet % ticks_between_signs_of_life == 0) co_return ": still here\n\n";
  }
  co_return "";
}

}  // namespace

resource events_resource(api_context& c, request r) {
  auto& count = c.followers;
  if (count >= followers_max) {
    auto out = problem(503, "too many follow already; ask now and then instead");
    out.headers.emplace_back("Retry-After", "60");
    co_return out;
  }
  auto f = std::make_shared<follower>(count);
  f->asked = std::move(r);
  std::function<result<journal_seq>()> work = [&c]() -> result<journal_seq> {
    if (auto done = catch_up(c, c.board); !done) return done.error();
    return c.board.last();
  };
  const auto last = co_await c.workers.run(std::move(work));
  if (!last) co_return problem_of(last.error());
  f->seen = *last;
  response out{.content_type = "text/event-stream"};
  out.next_piece = [&c, f] { return next_news(c, f); };
  co_return out;
}

resource minutes_resource(api_context& c, request r) {
  const auto count = number_of(r, "minutes", 180, desk_board::minutes_max);
  std::function<response()> work = [&c, count]() -> response {
    if (auto done = catch_up(c, c.board); !done) return problem_of(done.error());
    const auto now = std::chrono::floor<std::chrono::minutes>(c.clock.now());
    const auto first = now.time_since_epoch().count() - static_cast<std::int64_t>(count) + 1;
    std::array<std::vector<std::uint32_t>, watched_kinds.size()> columns;
    for (auto& column : columns) column.assign(count, 0);
    for (const auto& m : c.board.minutes(count)) {
      const auto at = m.minute - first;
      if (at < 0 || at >= static_cast<std::int64_t>(count)) continue;
      for (std::size_t k = 0; k < columns.size(); ++k)
        columns[k][static_cast<std::size_t>(at)] = m.counts[k];
    }
    json::object kinds;
    for (std::size_t k = 0; k < columns.size(); ++k)
      kinds[journal::to_string(watched_kinds[k])] = json::value_from(columns[k]);
    json::object o{{"first", to_string_utc(instant{std::chrono::minutes{first}})},
                   {"count", count},
                   {"kinds", std::move(kinds)}};
    if (const auto since = c.board.whole_since(); since != instant{})
      o["whole_since"] = to_string_utc(since);
    return json_response(o);
  };
  co_return co_await c.workers.run(std::move(work));
}

}  // namespace consentry::app::admin
