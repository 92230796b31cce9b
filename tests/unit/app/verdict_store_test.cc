#include "app/verdict_store.h"

#include <catch2/catch.hpp>

#include "tests/unit/app/app_world.h"

using namespace consentry;
using consentry::tests::app_world;
using namespace std::chrono_literals;

TEST_CASE("a verdict is kept as it was given, and trimmed from the oldest on") {
  app_world w;
  policy::verdict v;
  v.decision = policy::decision::refuse;
  v.reason = "consent.expired";
  v.rule = "A3";
  v.policy_version = "p1";
  v.enhanced = {5, 7, 1};
  v.text = "It ended.";
  v.dates["last_day"] = "2025-03-15";
  const auto start = w.clock.now();
  w.change([&](write_txn& txn) {
    for (std::uint64_t i = 1; i <= 10; ++i)
      w.rooms.verdicts.put(txn, recipient_id{i}, start + i * 1min, v);
  });
  const auto find = [&](std::uint64_t r) {
    return w.read([&](read_txn& txn) { return w.rooms.verdicts.find(txn, recipient_id{r}); });
  };
  REQUIRE(find(3).has_value());
  CHECK(find(3)->reason == v.reason);
  CHECK(find(3)->dates == v.dates);
  CHECK(find(3)->enhanced == v.enhanced);
  CHECK_FALSE(find(11));

  const auto trim = [&](instant before, std::size_t rows) {
    bool more = false;
    w.change([&](write_txn& txn) { more = w.rooms.verdicts.trim(txn, before, rows); });
    return more;
  };
  CHECK_FALSE(trim(start, 100));
  CHECK(trim(start + 6min, 3));  // 1 to 3 go, 4 and 5 may follow
  CHECK_FALSE(find(3));
  CHECK(find(4).has_value());
  CHECK_FALSE(trim(start + 6min, 3));
  CHECK_FALSE(find(5));
  CHECK(find(6).has_value());
  CHECK_FALSE(trim(start + 1h, 100));
  CHECK_FALSE(find(10));
}
