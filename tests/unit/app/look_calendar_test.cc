// Whose sender domain is looked at next.
#include "app/look_calendar.h"

#include <catch2/catch.hpp>

using namespace consentry;
using namespace consentry::app;
using namespace std::chrono_literals;

namespace {

const instant noon{std::chrono::hours{480'000}};

looked_domain of(std::uint32_t tenant, const std::string& domain, instant added_at = noon - 24h) {
  return {.tenant = {tenant}, .domain = domain, .added_at = added_at};
}

}  // namespace

TEST_CASE("the longest overdue comes first, and what is not due waits") {
  look_calendar c;
  const std::vector<looked_domain> all{of(1, "a.test"), of(2, "b.test"), of(3, "c.test"),
                                       of(4, "d.test")};
  const auto first = [](const looked_domain& d) {
    return d.domain == "a.test"   ? noon - 1min
           : d.domain == "b.test" ? noon - 1h
           : d.domain == "c.test" ? noon
                                  : noon + 1min;
  };
  CHECK(c.next_round(all, noon, first) ==
        std::vector<looked_domain>{of(2, "b.test"), of(1, "a.test"), of(3, "c.test")});
}

TEST_CASE("a tenant with many domains leaves others their turn, and comes to its own") {
  look_calendar c;
  std::vector<looked_domain> all;
  for (int n = 0; n < 500; ++n) all.push_back(of(1, "d" + std::to_string(n) + ".test"));
  all.push_back(of(2, "other.test"));
  // The one with many is longer overdue.
  const auto first = [](const looked_domain& d) { return d.tenant.value == 1 ? instant{} : noon; };
  const auto round = c.next_round(all, noon, first);
  CHECK(round.size() == look_calendar::looks_per_tenant + 1);
  CHECK(round.back() == of(2, "other.test"));
  std::size_t looks = 0;
  for (auto due = round; !due.empty(); due = c.next_round(all, noon, first))
    for (const auto& d : due) {
      c.set_next(d, noon + 24h);
      ++looks;
    }
  CHECK(looks == all.size());
}

TEST_CASE("a round has an end") {
  look_calendar c;
  std::vector<looked_domain> all;
  for (std::uint32_t n = 1; n <= 500; ++n) all.push_back(of(n, std::to_string(n) + ".test"));
  const auto first = [](const looked_domain&) { return instant{}; };
  CHECK(c.next_round(all, noon, first).size() == look_calendar::looks_per_round);
}

TEST_CASE("a domain that was removed and added again is a new one") {
  look_calendar c;
  const auto first = [](const looked_domain&) { return noon; };
  const auto before = of(1, "a.test", noon - 24h), again = of(1, "a.test", noon);
  CHECK(c.next_round({before}, noon, first) == std::vector{before});
  c.set_next(before, noon + 24h);
  CHECK(c.next_round({before}, noon, first).empty());
  CHECK(c.next_round({again}, noon, first) == std::vector{again});
}
