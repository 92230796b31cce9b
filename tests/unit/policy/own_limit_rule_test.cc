// RULES D1: consent that was given until a day.
#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;

namespace {

void give_until(good_case& c, const char* day) {
  c.consent().expires_on = parse_date(day);
  REQUIRE(c.consent().expires_on);
}

}  // namespace

TEST_CASE("D1: consent given until a day is good to its end in Budapest and not a moment longer") {
  struct row {
    const char* until;
    const char* now;
    const char* outcome;
  };
  for (const row& r : {
           row{"2024-09-30", "2024-09-30T00:00:00", "send ok"},
           row{"2024-09-30", "2024-09-30T23:59:59.999", "send ok"},
           row{"2024-09-30", "2024-10-01T00:00:00", "refuse consent.expired"},
           // Budapest is two hours ahead of UTC in summer, one in winter.
           row{"2024-09-30", "2024-09-30T21:59:59Z", "send ok"},
           row{"2024-09-30", "2024-09-30T22:00:00Z", "refuse consent.expired"},
           row{"2024-11-30", "2024-11-30T22:59:59Z", "send ok"},
           row{"2024-11-30", "2024-11-30T23:00:00Z", "refuse consent.expired"},
           // The day of the longer night has 25 hours, and all of them count.
           row{"2024-10-27", "2024-10-27T22:59:59Z", "send ok"},
           row{"2024-10-27", "2024-10-27T23:00:00Z", "refuse consent.expired"},
           // A Sunday is no reason for a Monday.
           row{"2024-06-30", "2024-07-01T00:00:00", "refuse consent.expired"},
       })
    for (const auto p : {phase::rcpt, phase::message, phase::attempt})
      for (const auto s : {smtp::stream::bulk, smtp::stream::automation}) {
        INFO(r.until << " asked " << r.now << " in phase " << to_string(p));
        good_case c{"2024-03-15T10:00:00", r.now};
        c.e.phase = p;
        c.e.stream = s;
        give_until(c, r.until);
        CHECK(c.outcome() == r.outcome);
        const auto v = c.judged();
        CHECK(v.dates.at("expires_on") == r.until);
        if (v.is_send()) continue;
        CHECK(v.rule == "D1");
        CHECK(smtp::to_string(v.enhanced) == "5.7.1");
        CHECK_THAT(v.text, Catch::Contains(r.until));
      }
}

TEST_CASE("D1: neither a delivery nor a purchase carries consent beyond the day that was named") {
  good_case c{"2024-03-15T10:00:00", "2024-10-01T00:00:00"};
  give_until(c, "2024-09-30");
  c.deliver("2024-06-01T08:00:00");
  CHECK(c.outcome() == "refuse consent.expired");
  c.consent().purchase_day = parse_date("2024-09-01");
  c.consent().tick = consent::tick_state::ticked;
  CHECK(c.outcome() == "refuse consent.expired");
  CHECK(c.judged().rule == "D1");
}

TEST_CASE("D1, A3: a day beyond the twelve months lengthens nothing") {
  good_case c{"2024-03-15T10:00:00", "2025-03-16T00:00:00"};
  give_until(c, "2030-12-31");
  CHECK(c.outcome() == "refuse consent.expired");
  CHECK(c.judged().rule == "A3");
}

TEST_CASE("D1: no knob takes the day that was named from an attempt") {
  good_case c{"2024-03-15T10:00:00", "2024-10-01T00:00:00"};
  c.knobs.consent_check_attempt = false;
  c.e.phase = phase::attempt;
  give_until(c, "2024-09-30");
  CHECK(c.outcome() == "refuse consent.expired");
}

TEST_CASE("D1: answers to a person's own act pass whatever day was named") {
  good_case c{"2024-03-15T10:00:00", "2024-10-01T00:00:00"};
  c.e.stream = smtp::stream::transactional;
  give_until(c, "2024-09-30");
  CHECK(c.outcome() == "send ok");
}

TEST_CASE("D1: of one consent told twice the earlier day stands, in either order") {
  auto first = consent_of("2024-03-15T10:00:00");
  auto second = first;
  first.expires_on = parse_date("2024-12-31");
  second.expires_on = parse_date("2024-09-30");
  const auto none = consent_of("2024-03-15T10:00:00");
  CHECK(merge(first, second).expires_on == second.expires_on);
  CHECK(merge(second, first).expires_on == second.expires_on);
  CHECK(merge(none, second).expires_on == second.expires_on);
  CHECK(merge(second, none).expires_on == second.expires_on);
  // A newer consent brings its own, or none.
  const auto newer = consent_of("2024-04-01T10:00:00");
  CHECK_FALSE(merge(second, newer).expires_on);
}
