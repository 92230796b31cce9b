// The yearly report on availability (RULES A2 7), and the log it is made of.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "app/admin/api.h"
#include "app/probe_log.h"
#include "base/civil_date.h"

namespace consentry::app::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t stretches_max = 100'000;

// The log as stretches of one state, which is all that minutes in a row say.
json::array stretches_of(minutes_time from, const std::vector<bool>& up) {
  json::array out;
  for (std::size_t i = 0; i < up.size() && out.size() < stretches_max;) {
    auto end = i;
    while (end < up.size() && up[end] == up[i]) ++end;
    out.push_back(json::object{{"from", to_string_utc(from + std::chrono::minutes{i})},
                               {"minutes", end - i},
                               {"up", static_cast<bool>(up[i])}});
    i = end;
  }
  return out;
}

}  // namespace

resource availability_resource(api_context& c, request r) {
  const auto now = std::chrono::floor<std::chrono::minutes>(c.clock.now());
  const auto this_year = static_cast<int>(budapest_day(c.clock.now()).year());
  const auto year =
      static_cast<int>(number_of(r, "year", static_cast<std::uint64_t>(this_year), 2200));
  if (year < 2015 || year > this_year) co_return problem(422, "year: none that has begun");
  const bool wants_log = r.query.contains("log");
  const auto from = year_begin(year);
  const auto until = std::min(year_begin(year + 1), now);
  std::function<result<json::object>()> work = [&c, year, from, until, now, wants_log] {
    return c.rooms.env.read([&](read_txn& txn) {
      const auto up = c.rooms.probes.read(txn, from, until);
      const auto a = availability_of(year, from, up, now);
      json::array outages;
      for (const auto& o : a.outages)
        outages.push_back(json::object{{"from", to_string_utc(o.from)},
                                       {"until", to_string_utc(o.until)},
                                       {"minutes", (o.until - o.from).count()}});
      json::object o{
          {"year", year},
          {"over", a.is_over},
          {"minutes", a.minutes},
          {"down_minutes", a.down},
          {"down_hours", fmt::format("{:.2f}", static_cast<double>(a.down) / 60)},
          {"allowed_hours", fmt::format("{:.2f}", static_cast<double>(a.year_minutes) / 6000)},
          {"holds", a.holds()},
          {"outages", std::move(outages)}};
      if (const auto first = c.rooms.probes.first(txn)) o["log_begins"] = to_string_utc(*first);
      if (wants_log) o["log"] = stretches_of(from, up);
      return o;
    });
  };
  auto o = co_await c.workers.run(std::move(work));
  co_return o ? json_response(*o) : problem_of(o.error());
}

}  // namespace consentry::app::admin
