// RULES A2 7: 99 % of a year, planned work included.
#include <catch2/catch.hpp>

#include "app/probe_log.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using std::chrono::minutes;

namespace {

// The whole year answered but for its first `down` minutes of March.
availability year_with(int year, std::int64_t down) {
  const auto from = year_begin(year), until = year_begin(year + 1);
  std::vector<bool> up(static_cast<std::size_t>((until - from).count()), true);
  const auto march = 59 * 1440;
  for (std::int64_t i = 0; i < down; ++i) up[static_cast<std::size_t>(march + i)] = false;
  return availability_of(year, from, up, until);
}

}  // namespace

TEST_CASE("87.60 hours of 365 days pass, 87.62 do not", "[availability]") {
  const auto passes = year_with(2026, 87 * 60 + 36);  // 87.60 h
  CHECK(passes.year_minutes == 365 * 1440);
  CHECK(passes.down == 5256);
  CHECK(passes.holds());
  CHECK(passes.is_over);
  REQUIRE(passes.outages.size() == 1);
  CHECK((passes.outages[0].until - passes.outages[0].from) == minutes{5256});
  CHECK_FALSE(year_with(2026, 5257).holds());  // 87.617 h: the first minute above
  // A leap year has 87.84 h.
  CHECK(year_with(2028, 5270).holds());
  CHECK_FALSE(year_with(2028, 5271).holds());
}

TEST_CASE("what was not logged was down; what is to come was not", "[availability]") {
  const auto from = year_begin(2026);
  const auto now = from + minutes{100};
  const auto a = availability_of(2026, from + minutes{10}, std::vector<bool>(50, true), now);
  CHECK(a.minutes == 100);
  CHECK(a.down == 50);
  CHECK_FALSE(a.is_over);
  CHECK(a.holds());
  REQUIRE(a.outages.size() == 2);
  CHECK(a.outages[0].from == from + minutes{60});
  CHECK(a.outages[1].until == from + minutes{10});
}

TEST_CASE("minutes of the log come back as they were noted", "[availability]") {
  tests::app_world w;
  const auto at = std::chrono::floor<minutes>(w.clock.now());
  w.change([&](write_txn& txn) {
    for (const auto m : {0, 1, 2, 5, 1500}) w.rooms.probes.note_up(txn, at + minutes{m});
    w.rooms.probes.note_up(txn, at);  // twice is once
  });
  const auto up = w.read([&](const read_txn& txn) {
    return w.rooms.probes.read(txn, at - minutes{1}, at + minutes{1502});
  });
  REQUIRE(up.size() == 1503);
  CHECK(std::count(up.begin(), up.end(), true) == 5);
  CHECK((!up[0] && up[1] && up[2] && up[3] && !up[4] && up[6] && up[1501]));
  CHECK(w.read([&](const read_txn& txn) { return w.rooms.probes.first(txn); }) == at);
}
