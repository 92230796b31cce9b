#include "reputation/standing.h"

#include <catch2/catch.hpp>

using namespace consentry;
using namespace consentry::reputation;

namespace {

using verdict = standing_verdict;

tenant_figures of_tenant(std::uint64_t c, std::uint64_t n) {
  return {.tenant = {.delivered = n, .complaints = c}};
}

}  // namespace

TEST_CASE("more than one complaint per thousand, strictly, blocks (A5)") {
  const struct {
    std::uint64_t complaints, delivered, floor;
    verdict expected;
  } table[] = {
      {1, 1, 1000, verdict::warn},  // the cases of RULES A5
      {2, 900, 1000, verdict::block},
      {2, 1999, 1000, verdict::block},
      {2, 2000, 1000, verdict::warn},
      {11, 10000, 1000, verdict::block},
      {10, 10000, 1000, verdict::warn},
      {0, 0, 1000, verdict::good},
      {0, 1000000, 1000, verdict::good},
      {1, 0, 1000, verdict::warn},
      {2, 0, 1000, verdict::block},  // delivered elsewhere in time, complained of now
      {1, 999, 1, verdict::block},   // floor 1: the literal reading
      {1, 1000, 1, verdict::warn},
      {1, 2000, 1, verdict::warn},  // exactly half
      {1, 2001, 1, verdict::good},
      {1, 1999, 5000, verdict::good},
      {5, 5000, 5000, verdict::warn},
      {6, 5000, 5000, verdict::block},
      {UINT64_MAX / 1000, UINT64_MAX, 1, verdict::warn},  // no overflow at either end
      {UINT64_MAX / 1000 + 1, UINT64_MAX, 1, verdict::block},
      {UINT64_MAX, UINT64_MAX, 1, verdict::block},
  };
  for (const auto& row : table) {
    INFO("C " << row.complaints << " N " << row.delivered << " floor " << row.floor);
    CHECK(decide(of_tenant(row.complaints, row.delivered), {.ratio_floor = row.floor}).verdict ==
          row.expected);
  }
}

TEST_CASE("the exact test agrees with plain arithmetic on all small numbers") {
  for (std::uint64_t floor : {1, 999, 1000, 1001})
    for (std::uint64_t n = 0; n < 4100; n += 7)
      for (std::uint64_t c = 0; c < 6; ++c) {
        const bool plain = c * 1000 > std::max(n, floor);
        if (exceeds_ratio({n, c}, floor) != plain) FAIL("C " << c << " N " << n);
      }
}

TEST_CASE("the warning is a knob") {
  CHECK(decide(of_tenant(1, 4000), {.warn_percent = 25}).verdict == verdict::warn);
  CHECK(decide(of_tenant(1, 4000), {.warn_percent = 50}).verdict == verdict::good);
}

TEST_CASE("either the tenant or one campaign trips, the worst decides and is named") {
  auto f = of_tenant(3, 100000);
  f.campaigns = {{"calm", {50000, 0}}, {"bad", {900, 2}}, {"worse", {900, 3}}};
  const auto d = decide(f, {});
  CHECK(d ==
        standing_decision{
            .verdict = verdict::block, .by_campaign = true, .campaign = "bad", .count = {900, 2}});
  f.tenant = {.delivered = 1000, .complaints = 5};
  CHECK_FALSE(decide(f, {}).by_campaign);
  CHECK(decide(f, {}).count == complaint_count{1000, 5});
}
