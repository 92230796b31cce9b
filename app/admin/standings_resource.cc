// Who stands how: all tenants at a glance, and one tenant's days.
//
//   GET /v1/standings
//   GET /v1/tenants/{tenant}/standing/days[?days=]
#include <algorithm>
#include <boost/json.hpp>

#include "app/admin/standing_figures.h"

namespace consentry::app::admin {

namespace {

namespace json = boost::json;

constexpr std::size_t campaigns_max = 100;
constexpr std::size_t tenants_max = 1000;
constexpr int days_max = 400;

double per_thousand(const reputation::complaint_count& n, std::uint64_t floor) {
  const auto base = std::max(n.delivered, floor);
  return base == 0 ? 0 : 1000.0 * static_cast<double>(n.complaints) / static_cast<double>(base);
}

struct row {
  const policy::tenants::tenant* who;
  standing_now now;
  queue::queue_counts waiting;
  double worst = 0;  // per thousand, by which the rule decides
};

json::object shown(const row& x, std::uint64_t floor) {
  const auto& n = x.now.figures.tenant;
  json::object o{{"tenant", x.who->name},
                 {"legal_name", x.who->legal_name},
                 {"state", policy::tenants::to_string(x.who->state)},
                 {"bulk_blocked", x.now.stored.bulk_blocked},
                 {"verdict", reputation::to_string(x.now.decision.verdict)},
                 {"delivered", n.delivered},
                 {"complaints", n.complaints},
                 {"per_thousand", per_thousand(n, floor)},
                 {"worst_per_thousand", x.worst},
                 {"queued", x.waiting.queued},
                 {"held", x.waiting.held}};
  if (x.now.decision.by_campaign) o["campaign"] = x.now.decision.campaign;
  if (x.now.stored.since != instant{}) {
    o["since"] = to_string_utc(x.now.stored.since);
    o["cause"] = x.now.stored.cause;
  }
  return o;
}

// What the rule has measured each day, with the window that ended on it.
struct day_row {
  std::map<reputation::day_number, reputation::complaint_count> days;
};

result<day_row> days_of(const api_context& c, tenant_id tenant) {
  return c.rooms.env.read([&](read_txn& txn) {
    day_row out;
    std::string resume;
    do {
      for (const auto& s : c.rooms.tally.sums(txn, tenant, true, 1000, resume)) {
        const auto day = parse_date(s.label);
        if (!day) continue;
        auto& sum = out.days[reputation::day_of(*day)];
        sum.delivered += s.count.delivered;
        sum.complaints += s.count.complaints;
      }
    } while (!resume.empty());
    return out;
  });
}

}  // namespace

reputation::standing_knobs standing_knobs_of(const api_context& c) {
  const auto active = c.live.policy.get();
  reputation::standing_knobs k;
  k.ratio_floor = static_cast<std::uint64_t>(active->set->rules.ratio_floor);
  k.window_days = active->set->rules.ratio_window_days;
  return k;
}

standing_now figures_of(const api_context& c, const read_txn& txn, tenant_id tenant) {
  const auto knobs = standing_knobs_of(c);
  standing_now out{.stored = c.rooms.blocker.standing_of(txn, tenant)};
  const auto window =
      reputation::window_ending(reputation::day_of(c.clock.now()), knobs.window_days);
  out.figures = c.rooms.tally.figures(txn, tenant, out.stored.epoch, window, campaigns_max);
  out.decision = reputation::decide(out.figures, knobs);
  return out;
}

// The blocked first, then by how near they are to the limit.
resource standings_resource(api_context& c, request) {
  std::function<response()> work = [&c]() -> response {
    const auto floor = standing_knobs_of(c).ratio_floor;
    const auto directory = c.rooms.directory.get();
    auto rows = c.rooms.env.read([&](read_txn& txn) {
      std::vector<row> out;
      for (const auto& t : directory->tenants()) {
        if (out.size() == tenants_max) break;
        row x{
            .who = &t, .now = figures_of(c, txn, t.id), .waiting = c.rooms.queue.counts(txn, t.id)};
        x.worst = per_thousand(x.now.figures.tenant, floor);
        for (const auto& f : x.now.figures.campaigns)
          x.worst = std::max(x.worst, per_thousand(f.count, floor));
        out.push_back(std::move(x));
      }
      return out;
    });
    if (!rows) return problem_of(rows.error());
    std::ranges::stable_sort(*rows, [](const row& a, const row& b) {
      return std::tuple{a.now.stored.bulk_blocked, a.now.decision.verdict, a.worst} >
             std::tuple{b.now.stored.bulk_blocked, b.now.decision.verdict, b.worst};
    });
    json::array all;
    for (const auto& x : *rows) all.push_back(shown(x, floor));
    return json_response(json::object{{"standings", std::move(all)}, {"floor", floor}});
  };
  co_return co_await c.workers.run(std::move(work));
}

resource standing_days_resource(api_context& c, const policy::tenants::tenant& t, request r) {
  const auto count = static_cast<int>(number_of(r, "days", 90, days_max));
  std::function<response()> work = [&c, id = t.id, count]() -> response {
    const auto found = days_of(c, id);
    if (!found) return problem_of(found.error());
    const auto knobs = standing_knobs_of(c);
    const auto today = reputation::day_of(c.clock.now());
    const auto sum = [&](reputation::day_window w) {
      reputation::complaint_count out;
      for (auto d = found->days.lower_bound(w.first); d != found->days.end() && d->first <= w.last;
           ++d) {
        out.delivered += d->second.delivered;
        out.complaints += d->second.complaints;
      }
      return out;
    };
    json::array days;
    for (auto d = today - count + 1; d <= today; ++d) {
      const auto of_day = sum({d, d});
      const auto window = sum(reputation::window_ending(d, knobs.window_days));
      days.push_back(json::object{{"day", to_string(reputation::to_date(d))},
                                  {"delivered", of_day.delivered},
                                  {"complaints", of_day.complaints},
                                  {"window_delivered", window.delivered},
                                  {"window_complaints", window.complaints},
                                  {"per_thousand", per_thousand(window, knobs.ratio_floor)}});
    }
    return json_response(json::object{{"floor", knobs.ratio_floor},
                                      {"window_days", knobs.window_days},
                                      {"days", std::move(days)}});
  };
  co_return co_await c.workers.run(std::move(work));
}

}  // namespace consentry::app::admin
