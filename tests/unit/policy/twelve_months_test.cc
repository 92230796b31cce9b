// RULES A3, the boundary of twelve months, a case a kind of boundary.
#include <vector>

#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;

namespace {

struct boundary {
  const char* given;
  const char* last_day;
  const char* next_day;
};

// To the last millisecond of the last day, and not at midnight: at RCPT, after DATA and at each
// attempt, for both advertising streams.
void check(const std::vector<boundary>& all) {
  for (const auto& b : all)
    for (const auto p : {phase::rcpt, phase::message, phase::attempt})
      for (const auto s : {smtp::stream::bulk, smtp::stream::automation}) {
        INFO(b.given << " in phase " << to_string(p) << " on " << smtp::to_string(s));
        good_case c{b.given, std::string{b.last_day} + "T23:59:59.999"};
        c.e.phase = p;
        c.e.stream = s;
        CHECK(c.outcome() == "send ok");
        CHECK(c.judged().dates.at("last_day") == b.last_day);
        c.e.now = at(std::string{b.next_day} + "T00:00:00");
        CHECK(c.outcome() == "refuse consent.expired");
        CHECK(c.judged().rule == "A3");
        CHECK(c.judged().dates.at("last_day") == b.last_day);
      }
}

}  // namespace

TEST_CASE("A3: 2024-03-15 is allowed to 2025-03-15 23:59:59, refused 2025-03-16 00:00 Budapest") {
  check({{"2024-03-15", "2025-03-15", "2025-03-16"},
         {"2024-03-15T00:00:00", "2025-03-15", "2025-03-16"},
         {"2024-03-15T10:00:00", "2025-03-15", "2025-03-16"},
         {"2024-03-15T23:59:59.999", "2025-03-15", "2025-03-16"},
         {"2024-03-15T10:00:00+09:00", "2025-03-15", "2025-03-16"}});
}

TEST_CASE("A3: 2024-02-29 lasts to 2025-02-28, 2023-02-28 to 2024-02-28") {
  check({{"2024-02-29T12:00:00", "2025-02-28", "2025-03-01"},
         {"2023-02-28T12:00:00", "2024-02-28", "2024-02-29"},
         {"2020-02-29T00:00:00", "2021-02-28", "2021-03-01"},
         {"2023-03-01T00:00:00", "2024-03-01", "2024-03-02"},
         {"2024-02-28T12:00:00", "2025-02-28", "2025-03-01"}});
}

TEST_CASE("A3: the ends of months") {
  check({{"2024-01-31T12:00:00", "2025-01-31", "2025-02-01"},
         {"2024-04-30T12:00:00", "2025-04-30", "2025-05-01"},
         {"2024-05-31T12:00:00", "2025-05-31", "2025-06-01"},
         {"2024-06-30T12:00:00", "2025-06-30", "2025-07-01"}});
}

TEST_CASE("A3: the ends of years") {
  check({{"2024-12-31T23:59:59.999", "2025-12-31", "2026-01-01"},
         {"2025-01-01T00:00:00", "2026-01-01", "2026-01-02"},
         // New Year in Budapest already, not yet in London.
         {"2024-12-31T23:00:00Z", "2026-01-01", "2026-01-02"},
         {"2024-12-31T22:59:59Z", "2025-12-31", "2026-01-01"}});
}

TEST_CASE("A3: the nights in which the clock changes") {
  // The last day has 23 hours, or 25.
  check({{"2024-03-30T12:00:00", "2025-03-30", "2025-03-31"},
         {"2024-10-26T12:00:00", "2025-10-26", "2025-10-27"},
         // Given in the hour that was skipped, and in the one that came twice.
         {"2024-03-31T02:30:00", "2025-03-31", "2025-04-01"},
         {"2024-10-27T02:30:00", "2025-10-27", "2025-10-28"},
         {"2024-10-27T02:30:00+01:00", "2025-10-27", "2025-10-28"}});
  const auto ends = [](const char* given, const char* last_moment, const char* first_refused) {
    good_case c{given, last_moment};
    CHECK(c.outcome() == "send ok");
    c.e.now = at(first_refused);
    CHECK(c.outcome() == "refuse consent.expired");
  };
  ends("2024-03-30T12:00:00", "2025-03-30T21:59:59.999Z", "2025-03-30T22:00:00Z");
  ends("2024-10-26T12:00:00", "2025-10-26T22:59:59.999Z", "2025-10-26T23:00:00Z");
  // Midnight UTC is another day in Budapest, by one hour in winter and by two in summer.
  ends("2024-01-14T23:30:00Z", "2025-01-15T22:59:59.999Z", "2025-01-15T23:00:00Z");
  ends("2024-07-14T22:30:00Z", "2025-07-15T21:59:59.999Z", "2025-07-15T22:00:00Z");
}

TEST_CASE("A3: weekends and holidays move nothing") {
  check({{"2025-03-15T12:00:00", "2026-03-15", "2026-03-16"},    // a Sunday, and a holiday
         {"2024-12-25T12:00:00", "2025-12-25", "2025-12-26"}});  // Christmas
}

TEST_CASE(
    "A3: consent.granularity=instant ends at the same time of the clock, to the millisecond") {
  struct row {
    const char* given;
    const char* last_moment;
    const char* first_refused;
  };
  for (const row& r : {
           row{"2024-03-15T10:00:00.250", "2025-03-15T10:00:00.250", "2025-03-15T10:00:00.251"},
           row{"2024-02-29T10:00:00", "2025-02-28T10:00:00", "2025-02-28T10:00:00.001"},
           // The last day has an hour less, or more: the clock's time counts, not the hours passed.
           row{"2024-03-30T10:00:00", "2025-03-30T10:00:00", "2025-03-30T10:00:00.001"},
           row{"2024-10-26T10:00:00", "2025-10-26T10:00:00", "2025-10-26T10:00:00.001"},
           row{"2024-03-31T10:00:00", "2025-03-31T10:00:00", "2025-03-31T10:00:00.001"},
       }) {
    INFO(r.given);
    good_case c{r.given, r.last_moment};
    c.knobs.consent_granularity = rule_knobs::granularity::instant;
    CHECK(c.outcome() == "send ok");
    c.e.now = at(r.first_refused);
    CHECK(c.outcome() == "refuse consent.expired");
    c.knobs.consent_granularity = rule_knobs::granularity::day;
    CHECK(c.outcome() == "send ok");
  }
  // Of a purchase only the day is known: it counts whole.
  good_case c{"2024-03-15T10:00:00", "2025-06-01T23:59:59.999"};
  c.consent().purchase_day = parse_date("2024-06-01");
  c.knobs.consent_granularity = rule_knobs::granularity::instant;
  CHECK(c.outcome() == "send ok");
  c.e.now = at("2025-06-02T00:00:00");
  CHECK(c.outcome() == "refuse consent.expired");
}

TEST_CASE("A3: what lies over five minutes ahead is refused, what lies nearer waits") {
  for (const auto& [now, outcome] :
       {std::pair{"2024-03-15T10:00:00", "send ok"},
        std::pair{"2024-03-15T09:59:59.999", "defer consent.future"},
        std::pair{"2024-03-15T09:55:00", "defer consent.future"},
        std::pair{"2024-03-15T09:54:59.999", "refuse consent.future"}}) {
    for (const auto p : {phase::rcpt, phase::message, phase::attempt}) {
      INFO(now << " in phase " << to_string(p));
      good_case c{"2024-03-15T10:00:00", now};
      c.e.phase = p;
      CHECK(c.outcome() == outcome);
      // Nothing lets it pass sooner, not even a purchase or a mailing.
      c.consent().purchase_day = parse_date("2024-03-15");
      c.deliver("2024-03-15T10:00:00");
      CHECK(c.outcome() == outcome);
    }
  }
}

TEST_CASE("A3: each phase says which knob it looked at") {
  good_case c{"2024-03-15", "2025-03-16"};
  CHECK(c.judged().knobs.at("consent.granularity") == "day");
  CHECK_FALSE(c.judged().knobs.contains("consent.check"));
  c.e.phase = phase::attempt;
  CHECK(c.judged().knobs.at("consent.check") == "rcpt+attempt");
  CHECK(c.judged().knobs.at("renewal.objection_wait_h") == "0");
  CHECK(c.judged().knobs.at("renewal.accept_declared") == "false");
}
