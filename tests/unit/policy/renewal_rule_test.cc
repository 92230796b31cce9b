// RULES A3 and A4, renewal: each knob on both sides of its boundary, and what ends it.
#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;

TEST_CASE("A3: renewal.max_silence_months, to the day") {
  // Delivered on 2024-06-30 within the months of 2024-03-15; ten months later is 2025-04-30.
  for (const auto& [now, months, reason] :
       {std::tuple{"2025-04-30T23:59:59.999", 10, "ok"},
        std::tuple{"2025-05-01T00:00:00", 10, "consent.expired"},
        std::tuple{"2025-05-01T00:00:00", 11, "ok"}, std::tuple{"2034-05-01", 0, "ok"},
        // Within the twelve months silence does not matter.
        std::tuple{"2025-03-15T23:59:59.999", 1, "ok"},
        std::tuple{"2025-03-16T00:00:00", 1, "consent.expired"}}) {
    INFO(now << " after " << months);
    good_case c{"2024-03-15", now};
    c.deliver("2024-06-30T08:00:00");
    c.knobs.renewal_max_silence_months = months;
    CHECK(c.reason() == reason);
  }
  SECTION("a later mailing ends the silence, though it renews nothing by itself") {
    good_case c{"2024-03-15", "2026-03-31T23:59:59"};
    c.deliver("2024-06-30", 1);
    c.deliver("2025-05-31", 2);
    c.knobs.renewal_max_silence_months = 10;
    CHECK(c.reason() == "ok");
    CHECK(c.judged().dates.at("silence_until") == "2026-03-31");
    c.e.now = at("2026-04-01");
    CHECK(c.reason() == "consent.expired");
  }
}

TEST_CASE("A3: renewal.objection_wait_h, to the millisecond") {
  for (const auto& [now, hours, reason] :
       {std::tuple{"2025-03-16T10:00:00", 0, "ok"},
        std::tuple{"2025-03-16T19:59:59.999", 24, "consent.expired"},
        std::tuple{"2025-03-16T20:00:00", 24, "ok"},
        std::tuple{"2025-03-17T20:00:00", 49, "consent.expired"},
        std::tuple{"2025-03-17T20:00:00", 48, "ok"}}) {
    INFO(now << " waiting " << hours);
    good_case c{"2024-03-15", now};
    c.deliver("2025-03-15T20:00:00");
    c.knobs.renewal_objection_wait_h = hours;
    CHECK(c.reason() == reason);
  }
}

TEST_CASE("A3: renewal.accept_declared, from the consent day to the last day") {
  for (const auto& [declared, accepts, reason] :
       {std::tuple{"2024-03-14", true, "consent.expired"}, std::tuple{"2024-03-15", true, "ok"},
        std::tuple{"2025-03-15", true, "ok"}, std::tuple{"2025-03-16", true, "consent.expired"},
        std::tuple{"2024-06-01", false, "consent.expired"}}) {
    INFO(declared);
    good_case c{"2024-03-15", "2025-04-01"};
    c.consent().declared_delivery_day = parse_date(declared);
    c.knobs.renewal_accept_declared = accepts;
    CHECK(c.reason() == reason);
  }
}

TEST_CASE("A3: an objection at or after the consent ends the renewal, an older one does not") {
  for (const auto& [objected, reason] :
       {std::pair{"2024-03-15T09:59:59.999", "ok"},
        std::pair{"2024-03-15T10:00:00", "consent.expired"},
        std::pair{"2024-05-31", "consent.expired"},  // before the mailing, too
        std::pair{"2025-03-31", "consent.expired"}}) {
    INFO(objected);
    good_case c{"2024-03-15T10:00:00", "2025-04-01"};
    c.deliver("2024-06-01");
    c.consent().objected_at = at(objected);
    CHECK(c.reason() == reason);
  }
  good_case c{"2024-03-15T10:00:00", "2025-03-15T12:00:00"};
  c.consent().objected_at = at("2024-06-01");
  CHECK(c.reason() == "ok");  // within the twelve months it is no withdrawal
}

TEST_CASE("A3: a bounce takes back a renewal, also when it comes late") {
  good_case c{"2024-03-15", "2025-04-01"};
  c.deliver("2024-06-01", 1);
  c.deliver("2024-07-01", 2);
  consent::retract_delivery(c.consent(), recipient_id{1});
  CHECK(c.reason() == "ok");  // the other one stands
  consent::retract_delivery(c.consent(), recipient_id{2});
  CHECK(c.reason() == "consent.expired");
  c.deliver("2025-03-20", 3);  // month 13
  CHECK(c.reason() == "consent.expired");
}

TEST_CASE("A3: month 13 never revives") {
  for (const char* delivered : {"2025-03-16T00:00:00", "2025-03-17", "2025-04-15", "2026-03-15",
                                "2024-03-14T23:59:59.999"}) {
    INFO(delivered);
    good_case c{"2024-03-15", "2026-04-01"};
    c.deliver(delivered);
    CHECK(c.reason() == "consent.expired");
  }
}

TEST_CASE("A4: the months of a purchase renew apart from those of the consent") {
  struct row {
    const char* delivered;
    const char* reason;
  };
  // Consent of 2020-01-10, unused; purchase of 2024-06-01 with the tick left in place.
  for (const row& r : {
           row{"2020-01-10T12:00:00", "ok"},  // in the consent's own months
           row{"2021-01-10T23:59:59", "ok"},
           row{"2021-01-11T00:00:00", "consent.expired"},  // in neither
           row{"2024-05-31T23:59:59", "consent.expired"},
           row{"2024-06-01T00:00:00", "ok"},  // in those of the purchase
           row{"2025-06-01T23:59:59", "ok"},
           row{"2025-06-02T00:00:00", "consent.expired"},
       }) {
    INFO(r.delivered);
    good_case c{"2020-01-10T12:00:00", "2025-07-01"};
    c.consent().purchase_day = parse_date("2024-06-01");
    c.deliver(r.delivered);
    CHECK(c.reason() == r.reason);
    if (c.reason() != "ok") CHECK(c.judged().rule == "A4");
  }
  // One that came too late, then one within the months of the purchase.
  good_case c{"2020-01-10", "2025-07-01"};
  c.consent().purchase_day = parse_date("2024-06-01");
  c.deliver("2023-01-01", 1);
  CHECK(c.reason() == "consent.expired");
  c.deliver("2024-09-01", 2);
  CHECK(c.reason() == "ok");
}
