// Named after the rules they prove (RULES A2, A3, A4).
#include "policy/rules/consent_rule.h"

#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;
using consent::tick_state;

TEST_CASE("A3: twelve months, to the end of the last day in Budapest") {
  struct row {
    const char* given;
    const char* now;
    const char* last_day;
    const char* outcome;
  };
  for (const row& r : {
           row{"2024-03-15T10:00:00", "2024-03-15T10:00:00", "2025-03-15", "send ok"},
           row{"2024-03-15T10:00:00", "2025-03-15T23:59:59", "2025-03-15", "send ok"},
           row{"2024-03-15T10:00:00", "2025-03-15T23:59:59.999", "2025-03-15", "send ok"},
           row{"2024-03-15T10:00:00", "2025-03-16T00:00:00", "2025-03-15",
               "refuse consent.expired"},
           // The same instants by another clock: Budapest is one hour ahead of UTC in March.
           row{"2024-03-15T10:00:00", "2025-03-15T22:59:59Z", "2025-03-15", "send ok"},
           row{"2024-03-15T10:00:00", "2025-03-15T23:00:00Z", "2025-03-15",
               "refuse consent.expired"},
           // Given late in the evening UTC: already the next day in Budapest.
           row{"2024-03-14T23:30:00Z", "2025-03-15T12:00:00", "2025-03-15", "send ok"},
           // A missing day becomes the last of its month, and no more than that.
           row{"2024-02-29T12:00:00", "2025-02-28T23:59:59", "2025-02-28", "send ok"},
           row{"2024-02-29T12:00:00", "2025-03-01T00:00:00", "2025-02-28",
               "refuse consent.expired"},
           row{"2023-02-28T12:00:00", "2024-02-28T23:59:59", "2024-02-28", "send ok"},
           row{"2023-02-28T12:00:00", "2024-02-29T00:00:00", "2024-02-28",
               "refuse consent.expired"},
           // No week-end extension: 2025-03-15 is a Saturday, 2026-03-15 a Sunday.
           row{"2025-03-15T12:00:00", "2026-03-16T00:00:00", "2026-03-15",
               "refuse consent.expired"},
           // Summer time: the last day ends at 22:00 UTC.
           row{"2024-07-01T12:00:00", "2025-07-01T21:59:59Z", "2025-07-01", "send ok"},
           row{"2024-07-01T12:00:00", "2025-07-01T22:00:00Z", "2025-07-01",
               "refuse consent.expired"},
       }) {
    INFO(r.given << " asked " << r.now);
    for (const auto p : {phase::rcpt, phase::message, phase::attempt}) {
      good_case c{r.given, r.now};
      c.e.phase = p;
      CHECK(c.outcome() == r.outcome);
      const auto v = c.judged();
      CHECK(v.dates.at("last_day") == r.last_day);
      CHECK(v.dates.at("send_day") == consentry::to_string(budapest_day(at(r.now))));
      if (!v.is_send()) {
        CHECK(v.rule == "A3");
        CHECK(smtp::to_string(v.enhanced) == "5.7.1");
        CHECK_THAT(v.text, Catch::Contains(r.last_day));
      }
    }
  }
}

TEST_CASE("A3: consent.granularity=instant ends at the time of day it was given") {
  for (const auto& [now, outcome] : {std::pair{"2025-03-15T10:00:00", "send ok"},
                                     std::pair{"2025-03-15T10:00:01", "refuse consent.expired"}}) {
    good_case c{"2024-03-15T10:00:00", now};
    c.knobs.consent_granularity = rule_knobs::granularity::instant;
    CHECK(c.outcome() == outcome);
  }
}

TEST_CASE(
    "A3: consent.check=rcpt lets queued mail go on after the expiry, not after a withdrawal") {
  good_case c{"2024-03-15", "2025-03-16"};
  c.knobs.consent_check_attempt = false;
  CHECK(c.reason() == "consent.expired");
  c.e.phase = phase::attempt;
  CHECK(c.outcome() == "send ok");
  c.consent().withdrawn_at = at("2025-03-10");
  CHECK(c.outcome() == "refuse consent.withdrawn");
}

TEST_CASE("A3: not before it was given") {
  for (const auto& [now, outcome] : {std::pair{"2024-03-15T10:00:00", "send ok"},
                                     std::pair{"2024-03-15T09:59:59", "defer consent.future"},
                                     std::pair{"2024-03-15T09:55:00", "defer consent.future"},
                                     std::pair{"2024-03-15T09:54:59", "refuse consent.future"}}) {
    INFO(now);
    good_case c{"2024-03-15T10:00:00", now};
    CHECK(c.outcome() == outcome);
  }
}

TEST_CASE("A3: renewal by a mailing delivered within the twelve months") {
  struct row {
    const char* delivered;
    const char* now;
    const char* reason;
  };
  for (const row& r : {
           row{"2024-03-15T10:00:01", "2025-04-01", "ok"},
           row{"2024-03-15T08:00:00", "2025-04-01", "ok"},  // the consent day itself counts
           row{"2025-03-15T23:59:59", "2025-04-01", "ok"},
           row{"2025-03-16T00:00:00", "2025-04-01", "consent.expired"},  // month 13 never revives
           row{"2024-03-14T23:59:59", "2025-04-01", "consent.expired"},
           row{"2024-06-01", "2034-04-01", "ok"},  // one such message renews for good
       }) {
    INFO(r.delivered << " asked " << r.now);
    good_case c{"2024-03-15T10:00:00", r.now};
    c.deliver(r.delivered);
    CHECK(c.reason() == r.reason);
    CHECK(c.judged().dates.contains("renewed_by") == (std::string_view{r.reason} == "ok"));
  }
}

TEST_CASE("A3: what keeps a delivery from renewing") {
  good_case c{"2024-03-15", "2025-04-01"};
  c.deliver("2024-06-01", 1);
  REQUIRE(c.reason() == "ok");
  SECTION("an objection") {
    c.consent().objected_at = at("2024-06-02");
    CHECK(c.reason() == "consent.expired");
    c.consent().objected_at = at("2024-01-01");  // before this consent was given
    CHECK(c.reason() == "ok");
  }
  SECTION("a withdrawal") {
    c.consent().withdrawn_at = at("2024-06-02");
    CHECK(c.reason() == "consent.withdrawn");
  }
  SECTION("a later bounce") {
    consent::retract_delivery(c.consent(), recipient_id{1});
    CHECK(c.reason() == "consent.expired");
  }
  SECTION("renewal.max_silence_months") {
    c.knobs.renewal_max_silence_months = 9;
    CHECK(c.reason() == "consent.expired");
    CHECK(c.judged().dates.at("silence_until") == "2025-03-01");
    c.knobs.renewal_max_silence_months = 10;
    CHECK(c.reason() == "ok");
    c.knobs.renewal_max_silence_months = 9;
    c.deliver("2025-03-20", 2);  // too late to renew, but no silence
    CHECK(c.reason() == "ok");
  }
  SECTION("renewal.objection_wait_h") {
    c.knobs.renewal_objection_wait_h = 8760;
    CHECK(c.reason() == "consent.expired");
    c.e.now = at("2025-06-01");
    CHECK(c.reason() == "ok");
  }
}

TEST_CASE("A3: renewal.accept_declared") {
  good_case c{"2024-03-15", "2025-04-01"};
  c.consent().declared_delivery_day = parse_date("2024-06-01");
  CHECK(c.reason() == "consent.expired");
  c.knobs.renewal_accept_declared = true;
  CHECK(c.reason() == "ok");
  c.consent().declared_delivery_day = parse_date("2025-03-16");
  CHECK(c.reason() == "consent.expired");
}

TEST_CASE("A4: the newest purchase counts, with the tick left in place") {
  struct row {
    tick_state tick;
    const char* purchase;
    const char* unticked;
    const char* now;
    const char* outcome;
  };
  for (const row& r : {
           row{tick_state::ticked, "2024-06-01", "", "2025-06-01T23:59:59", "send ok"},
           row{tick_state::ticked, "2024-06-01", "", "2025-06-02", "refuse consent.expired"},
           row{tick_state::unticked, "2024-06-01", "", "2024-07-01", "refuse consent.unticked"},
           row{tick_state::ticked, "2024-06-01", "2024-08-01", "2024-09-01",
               "refuse consent.unticked"},
           row{tick_state::ticked, "2024-06-01", "2024-03-01", "2024-09-01", "send ok"},
           row{tick_state::preticked, "2024-06-01", "", "2024-07-01", "refuse consent.implicit"},
       }) {
    INFO(r.purchase << " " << r.now << " " << consent::to_string(r.tick));
    good_case c{"2024-03-15", r.now};
    c.consent().method = "purchase";
    c.consent().tick = r.tick;
    c.consent().purchase_day = parse_date(r.purchase);
    if (*r.unticked != '\0') c.consent().unticked_at = at(r.unticked);
    CHECK(c.outcome() == r.outcome);
    if (!c.judged().is_send()) CHECK(c.judged().rule == "A4");
  }
  SECTION("purchase.untick_withdraws=false") {
    good_case c;
    c.consent().unticked_at = at("2024-05-01");
    CHECK(c.reason() == "consent.unticked");
    c.knobs.purchase_untick_withdraws = false;
    CHECK(c.reason() == "ok");
  }
  SECTION("renewal as in A3") {
    good_case c{"2024-03-15", "2026-01-01"};
    c.consent().purchase_day = parse_date("2024-06-01");
    c.deliver("2025-05-30");
    CHECK(c.reason() == "ok");
  }
}

TEST_CASE("A4: a box ticked beforehand counts up to purchase.preticked_valid_until") {
  const auto with = [](const char* day, const char* until) {
    good_case c{day, day};
    c.consent().tick = tick_state::preticked;
    c.consent().purchase_day = parse_date(day);
    c.knobs.purchase_preticked_valid_until = *parse_date(until);
    return c.outcome();
  };
  CHECK(with("2018-05-24", "2018-05-24") == "send ok");
  CHECK(with("2018-05-25", "2018-05-24") == "refuse consent.implicit");
  CHECK(with("2018-05-24", "2018-05-23") == "refuse consent.implicit");
  good_case c;  // without a purchase it never did
  c.consent().tick = tick_state::preticked;
  CHECK(c.outcome() == "refuse consent.implicit");
}

TEST_CASE(
    "A4, D1: a box that is known to have come ticked proves nothing, whatever is said of it") {
  for (const auto tick : {tick_state::none, tick_state::ticked, tick_state::preticked}) {
    good_case c;
    c.consent().tick = tick;
    c.consent().box_came_ticked = true;
    CHECK(c.outcome() == "refuse consent.implicit");
    CHECK(c.judged().rule == "A4");
  }
  good_case empty;
  empty.consent().tick = tick_state::ticked;
  empty.consent().box_came_ticked = false;
  CHECK(empty.outcome() == "send ok");
  good_case bought{"2018-05-24", "2018-05-24"};
  bought.consent().box_came_ticked = true;
  bought.consent().purchase_day = parse_date("2018-05-24");
  bought.knobs.purchase_preticked_valid_until = *parse_date("2018-05-24");
  CHECK(bought.outcome() == "send ok");
}

TEST_CASE("5.1: nobody gets advertising without consent, whatever the address") {
  for (const char* who : {"jane@example.hu", "info@example.hu", "office@example.hu"}) {
    good_case c;
    c.e.recipient = who;
    c.e.consent.reset();
    CHECK(c.outcome() == "refuse consent.missing");
    CHECK(c.judged().text.find(who) == std::string::npos);
    c.e.stream = smtp::stream::automation;
    CHECK(c.outcome() == "refuse consent.missing");
    c.e.stream = smtp::stream::transactional;
    CHECK(c.outcome() == "send ok");
    c.e.stream = smtp::stream::doi;
    CHECK(c.outcome() == "send ok");
  }
}

TEST_CASE("5.1, 5.3: provenance, method and proof of the stored consent are judged at send, too") {
  const auto with = [](auto change) {
    good_case c;
    change(c.consent());
    return c.outcome();
  };
  for (const char* p :
       {"purchased", "rented", "other_company", "harvested", "mailbox_copy", "unknown", "",
        "Purchased List", "list bought from X", "rented list 2024", "leads-acquired", "scraped web",
        "other company of the owner", "third-party data", "vásárolt címlista", "Bérelt lista",
        "source unknown", "  UNKNOWN  "})
    CHECK(with([&](auto& r) { r.provenance = p; }) == "refuse consent.provenance");
  for (const char* p : {"own_form", "purchase", "bought from us in the shop", "event", "webshop",
                        "paper list at the fair", "unknowing"})
    CHECK(with([&](auto& r) { r.provenance = p; }) == "send ok");
  for (const char* m : {"implicit", "Pre-Selected", "soft opt in", "opt_out", "assumed", "unknown"})
    CHECK(with([&](auto& r) { r.method = m; }) == "refuse consent.implicit");
  CHECK(with([](auto& r) { r.method = " \t"; }) == "refuse consent.unproven");
  CHECK(with([](auto& r) { r.method = "implicit"; }) == "refuse consent.implicit");
  CHECK(with([](auto& r) { r.method = ""; }) == "refuse consent.unproven");
  CHECK(with([](auto& r) { r.notice.hash = ""; }) == "refuse consent.unproven");
  CHECK(with([](auto& r) {
          r.notice.hash = "";
          r.evidence_reference = "box 7";
        }) == "send ok");
}

TEST_CASE("5.2.1: any withdrawal at or after the consent refuses") {
  const auto with = [](const char* withdrawn) {
    good_case c{"2024-03-15T10:00:00"};
    c.consent().withdrawn_at = at(withdrawn);
    return c.outcome();
  };
  CHECK(with("2024-03-15T09:59:59") == "send ok");
  CHECK(with("2024-03-15T10:00:00") == "refuse consent.withdrawn");
  CHECK(with("2024-05-01") == "refuse consent.withdrawn");
  CHECK(with("2030-01-01") == "refuse consent.withdrawn");
  good_case c;
  c.consent().given_at.reset();
  CHECK(c.outcome() == "refuse consent.missing");
  c.consent().withdrawn_at = at("2024-05-01");
  CHECK(c.outcome() == "refuse consent.withdrawn");
}

TEST_CASE("5.3: consent.require_doi") {
  good_case c;
  c.knobs.consent_require_doi = true;
  CHECK(c.outcome() == "refuse consent.unconfirmed");
  c.consent().confirmed_at = at("2024-03-15T10:05:00");
  CHECK(c.outcome() == "send ok");
}
