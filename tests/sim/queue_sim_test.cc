#include <catch2/catch.hpp>

#include "tests/sim/queue_world.h"

using namespace consentry::tests;

TEST_CASE(
    "mail to a thousand sites, some dead, slow, flapping or strict: limits hold, nothing starves "
    "or is lost") {
  for (const std::uint64_t seed : {1, 2}) {
    const auto r = simulate(
        {.seed = seed, .messages = 20'000, .sites = 300, .tenants = 40, .in_flight_max = 100});
    INFO("seed " << seed);
    for (const auto& what : r.broken) UNSCOPED_INFO(what);
    CHECK(r.broken.empty());
    CHECK(r.delivered + r.bounced + r.expired == 20'000);
    CHECK(r.delivered > 18'000);
    CHECK(r.small_tenant_p99 < std::chrono::seconds{30});
  }
}

TEST_CASE("a seed replays") {
  const sim_options o{
      .seed = 7, .messages = 3'000, .sites = 100, .tenants = 20, .in_flight_max = 50};
  const auto one = simulate(o), two = simulate(o);
  CHECK(one.attempts == two.attempts);
  CHECK(one.passes == two.passes);
  CHECK(one.small_tenant_worst == two.small_tenant_worst);
}
