// What is kept of a look at a sender domain, and when it is looked at again.
#include "app/preflight_store.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"

#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using namespace std::chrono_literals;
using smtp::auth::check_state;
using smtp::auth::sender_check;

namespace {

const instant noon = tests::time_at("2025-03-14T12:00:00");

std::vector<sender_check> looks(check_state dkim, check_state dmarc) {
  const auto of = [](const char* what, check_state s) {
    sender_check c{.what = what, .state = s, .reason = std::string{what} + ".x", .text = "words"};
    if (s == check_state::fail) c.records.push_back({.name = "n", .type = "TXT", .value = "v"});
    return c;
  };
  return {of("dkim", dkim), of("dmarc", dmarc)};
}

}  // namespace

TEST_CASE("an answer that could not be had changes nothing that was known") {
  using enum check_state;
  const auto first = merged({}, looks(unknown, unknown), "b.test", noon);
  CHECK(first.state() == unknown);
  CHECK_FALSE(facts_of(first));
  const auto failed = merged(first, looks(fail, pass), "b.test", noon + 1h);
  CHECK(failed.state() == fail);
  CHECK(failed.unsettled_since == noon);
  CHECK(facts_of(failed)->failures == "dkim.x");
  CHECK(facts_of(failed)->checked_at == noon + 1h);

  const auto away = merged(failed, looks(unknown, unknown), "b.test", noon + 2h);
  CHECK(away.state() == fail);
  CHECK(away.looked_at == noon + 2h);
  CHECK(facts_of(away)->checked_at == noon + 1h);
  const auto passed = merged(away, looks(pass, pass), "b.test", noon + 3h);
  CHECK(passed.state() == pass);
  CHECK(passed.unsettled_since == instant{});
  CHECK_FALSE(facts_of(passed)->is_failed());
  CHECK(merged(passed, looks(unknown, pass), "b.test", noon + 4h).state() == pass);
}

TEST_CASE("what is known in part changes what was known only for the worse, or ends a failure") {
  using enum check_state;
  const auto in_part = [](check_state dkim) {
    auto found = looks(dkim, pass);
    found[0].is_part_unknown = true;
    return found;
  };
  const auto state_after = [&](check_state before, check_state now) {
    const auto row =
        merged(merged({}, looks(before, pass), "b.test", noon), in_part(now), "b.test", noon + 1h);
    CHECK_FALSE(row.checks.at(0).found.is_part_unknown);
    return std::pair{row.checks.at(0).found.state, row.checks.at(0).known_at - noon};
  };
  CHECK(state_after(warn, pass) == std::pair{warn, instant::duration{0}});
  CHECK(state_after(pass, pass) == std::pair{pass, instant::duration{0}});
  CHECK(state_after(pass, warn) == std::pair{warn, instant::duration{1h}});
  CHECK(state_after(fail, pass) == std::pair{pass, instant::duration{1h}});
  CHECK(state_after(unknown, pass) == std::pair{pass, instant::duration{1h}});
}

TEST_CASE("the whole is as old as the oldest check that fails") {
  using enum check_state;
  const auto old = merged({}, looks(fail, fail), "b.test", noon);
  const auto later = merged(old, looks(unknown, fail), "b.test", noon + 5h);
  CHECK(facts_of(later)->checked_at == noon);
  const auto mended = merged(old, looks(pass, unknown), "b.test", noon + 5h);
  CHECK(facts_of(mended)->failures == "dmarc.x");
  CHECK(facts_of(mended)->checked_at == noon);
  const auto good = merged(merged({}, looks(pass, pass), "b.test", noon), looks(unknown, pass),
                           "b.test", noon + 5h);
  CHECK(facts_of(good)->checked_at == noon);
}

TEST_CASE("it is looked at daily, and sooner while it fails") {
  using enum check_state;
  const auto good = merged({}, looks(pass, pass), "b.test", noon);
  CHECK(next_look(good, 24h, 0) == noon + 24h);
  CHECK(next_look(good, 24h, 1) == noon + 21h);
  auto bad = merged({}, looks(fail, pass), "b.test", noon);
  CHECK(next_look(bad, 24h, 0.5) == noon + 10min);
  bad = merged(bad, looks(fail, pass), "b.test", noon + 49h);
  CHECK(next_look(bad, 24h, 0.5) == noon + 50h);
}

TEST_CASE("rows are found again, and go") {
  tests::app_world w;
  const auto tenant = w.add_tenant("shop");
  const auto row = merged({}, looks(check_state::fail, check_state::warn), "b.test", noon);
  w.change([&](write_txn& txn) { w.rooms.preflights.put(txn, tenant, row); });
  const auto found = [&](tenant_id of, const char* domain) {
    return w.read([&](read_txn& txn) { return w.rooms.preflights.find(txn, of, domain); });
  };
  CHECK(found(tenant, "b.test") == row);
  CHECK_FALSE(found(tenant, "test"));
  CHECK_FALSE(found({tenant.value + 1}, "b.test"));
  w.change([&](write_txn& txn) { w.rooms.preflights.erase(txn, tenant, "b.test"); });
  CHECK_FALSE(found(tenant, "b.test"));
  CHECK_THROWS_AS(decode_domain_preflight("b.test", encode(row).substr(0, 20)), decode_error);
}
