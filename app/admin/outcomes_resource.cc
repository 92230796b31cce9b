// The pull feed: a tenant's outcomes behind a cursor, in the order of the journal. A request may
// wait for the next.
#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/outcome_feed.h"
#include "base/text.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds between_looks{250};
constexpr unsigned wait_s_max = 30;

struct place {
  feed_waits& waits;
  tenant_id tenant;
  ~place() { waits.leave(tenant); }
};

response shown(outcome_page page) {
  return json_response(json::object{{"outcomes", std::move(page.outcomes)},
                                    {"cursor", std::to_string(page.through.value)},
                                    {"more", page.is_more}});
}

// The kinds named in ?only=delivered,bounced; configuration_error for others.
std::vector<journal::event_kind> kinds_of(const request& r) {
  const auto found = r.query.find("only");
  if (found == r.query.end() || found->second.empty()) return outcome_kinds();
  std::vector<journal::event_kind> out;
  for (const auto name : split(found->second, ',')) {
    const auto kinds = outcome_kinds_of(name);
    if (!kinds) throw configuration_error("no outcome is called " + printable(name, 64));
    out.insert(out.end(), kinds->begin(), kinds->end());
  }
  return out;
}

result<outcome_page> page_after(const api_context& c, tenant_id tenant, journal_seq after,
                                std::size_t limit, const std::vector<journal::event_kind>& kinds) {
  return c.rooms.env.read(
      [&](read_txn& txn) { return read_outcomes(c.rooms, txn, tenant, after, limit, kinds); });
}

}  // namespace

resource outcomes_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  const auto tenant = t.id;
  const auto limit = std::max<std::uint64_t>(1, number_of(r, "limit", 100, 1000));
  const auto wait_s = number_of(r, "wait_s", 0, wait_s_max);
  const auto kinds = kinds_of(r);
  if (const auto asked = r.query.find("after"); asked != r.query.end() && asked->second == "now") {
    const auto last = c.rooms.env.read([&](read_txn& txn) { return c.rooms.journal.last(txn); });
    if (!last) co_return problem_of(last.error());
    co_return shown({.outcomes = {}, .through = *last});
  }
  journal_seq after{number_of(r, "after", 0, ~0ULL >> 1)};
  if (wait_s != 0 && !c.outcome_waits.enter(tenant))
    co_return problem(429, "too many requests of this tenant wait already");
  const auto waiting =
      wait_s != 0 ? std::make_unique<place>(c.outcome_waits, tenant) : std::unique_ptr<place>{};
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{wait_s};
  boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
  for (;;) {
    auto work = [&c, tenant, after, limit, &kinds] {
      return page_after(c, tenant, after, limit, kinds);
    };
    auto page = co_await c.workers.run(std::move(work));
    if (!page) co_return problem_of(page.error());
    const bool is_late = std::chrono::steady_clock::now() >= deadline;
    if (!page->outcomes.empty() || page->is_more || is_late) co_return shown(std::move(*page));
    after = page->through;
    timer.expires_after(between_looks);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

}  // namespace consentry::app::admin
