// RULES 5.1 (requests for permission), 5.2 and 5.4 (campaigns on hold), 5.4 (reminder).
#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;
using smtp::stream;

namespace {

void find(filters::scan_result& scan, const std::string& category, double score) {
  filters::finding f;
  f.pattern = "hu." + category + ".x";
  f.category = category;
  f.score = score;
  scan.findings.push_back(f);
  scan.scores[category] = score;
}

// First mailing ever to a consent of 2024-03-15, with a text that says nothing.
struct first_mailing : good_case {
  explicit first_mailing(std::string_view now, std::string_view given = "2024-03-15T10:00:00")
      : good_case{given, now} {
    scan.scores.clear();
    scan.shows_sender_name = false;
  }
};

}  // namespace

TEST_CASE("5.1: a text that asks for permission is refused, a doubtful one waits for a person") {
  for (const auto& [score, outcome] :
       {std::pair{4.9, "send ok"}, std::pair{5.0, "hold campaign.permission_request"},
        std::pair{9.9, "hold campaign.permission_request"},
        std::pair{10.0, "refuse campaign.permission_request"}}) {
    for (const auto s : {stream::bulk, stream::automation, stream::transactional}) {
      INFO(score << " on " << smtp::to_string(s));
      good_case c;
      find(c.scan, "permission_request", score);
      c.e.stream = s;
      CHECK(c.outcome() == outcome);
      if (!c.judged().is_send()) {
        CHECK(c.judged().rule == "A2.5.1");
        CHECK(c.judged().matches.size() == 1);
      }
      c.e.phase = phase::attempt;  // content stays as judged at acceptance
      CHECK(c.outcome() == "send ok");
    }
    good_case c;
    find(c.scan, "permission_request", score);
    c.e.stream = stream::doi;
    CHECK(c.outcome() == "send ok");
  }
}

TEST_CASE("5.1: FIXED: neither consent nor a knob lets a request for permission pass") {
  good_case c;
  c.e.is_permission_request = true;
  c.knobs.hard_reject = false;
  c.knobs.content_hold = c.knobs.content_reject = 1000;
  c.knobs.reminder_refuse = false;
  c.consent().confirmed_at = at("2024-03-15T10:05:00");
  CHECK(c.outcome() == "refuse campaign.permission_request");
  CHECK(to_reply(c.judged()).code == 550);
  CHECK(smtp::to_string(c.judged().enhanced) == "5.7.1");
}

TEST_CASE("5.1: what is found for other rules is no forbidden content") {
  good_case c;
  find(c.scan, "reminder", 50);
  CHECK(c.outcome() == "send ok");
  CHECK(c.judged().tags.empty());
  CHECK(c.judged().matches.empty());
}

TEST_CASE("5.4: a first mailing over three months after the sign-up reminds of it") {
  struct row {
    const char* given;
    const char* now;
    const char* outcome;
  };
  for (const row& r : {
           row{"2024-03-15T10:00:00", "2024-06-15T23:59:59.999",
               "send ok"},  // exactly three months
           row{"2024-03-15T10:00:00", "2024-06-16T00:00:00", "refuse reminder.missing"},
           row{"2024-03-15T23:59:59", "2024-06-15T00:00:00", "send ok"},
           row{"2024-11-30T12:00:00", "2025-02-28T23:59:59", "send ok"},  // the 30th is missing
           row{"2024-11-30T12:00:00", "2025-03-01T00:00:00", "refuse reminder.missing"},
           row{"2024-06-15T12:00:00", "2024-06-15T12:00:01", "send ok"},
       }) {
    INFO(r.given << " asked " << r.now);
    first_mailing c{r.now, r.given};
    for (const auto s : {stream::bulk, stream::automation}) {
      c.e.stream = s;
      CHECK(c.outcome() == r.outcome);
    }
    if (c.outcome() != "send ok") {
      CHECK(c.judged().rule == "A2.5.4");
      CHECK(c.judged().knobs.at("reminder.after_months") == "3");
      CHECK(c.judged().dates.contains("reminder_after"));
      CHECK_THAT(c.judged().text, Catch::Contains("Shop Kft."));
    }
    c.e.stream = stream::transactional;
    CHECK(c.outcome() == "send ok");
  }
}

TEST_CASE("5.4: the reminder says why the mail comes and who writes, both") {
  first_mailing c{"2024-12-01"};
  CHECK(c.outcome() == "refuse reminder.missing");
  find(c.scan, "reminder", 1);
  CHECK(c.outcome() == "refuse reminder.missing");
  c.scan.shows_sender_name = true;
  CHECK(c.outcome() == "send ok");
  CHECK(c.judged().matches.size() == 1);
  c.scan.scores.clear();
  CHECK(c.outcome() == "refuse reminder.missing");
}

TEST_CASE("5.4: the reminder is judged once, after the end of data") {
  first_mailing c{"2024-12-01"};
  for (const auto p : {phase::rcpt, phase::attempt}) {
    c.e.phase = p;
    CHECK(c.outcome() == "send ok");
  }
}

TEST_CASE("5.4: an earlier mail of the key makes it no first mailing") {
  first_mailing c{"2024-12-01"};
  SECTION("delivered") {
    c.deliver("2024-04-01");
    CHECK(c.outcome() == "send ok");
    consent::retract_delivery(c.consent(), recipient_id{1});
    CHECK(c.outcome() == "refuse reminder.missing");
  }
  SECTION("declared, where such count") {
    c.consent().declared_delivery_day = parse_date("2024-04-01");
    CHECK(c.outcome() == "refuse reminder.missing");
    c.knobs.renewal_accept_declared = true;
    CHECK(c.outcome() == "send ok");
  }
  SECTION("a purchase is a sign-up of its own") {
    c.consent().purchase_day = parse_date("2024-09-01");
    CHECK(c.outcome() == "send ok");
    c.e.now = at("2024-12-02");
    CHECK(c.outcome() == "refuse reminder.missing");
  }
}

TEST_CASE("5.4: reminder.action and reminder.after_months") {
  first_mailing c{"2024-12-01"};
  c.knobs.reminder_refuse = false;
  CHECK(c.outcome() == "hold reminder.missing");
  c.knobs.reminder_after_months = 9;
  CHECK(c.outcome() == "send ok");
  c.knobs.reminder_after_months = 8;
  CHECK(c.outcome() == "hold reminder.missing");
  c.knobs.reminder_after_months = 0;
  c.e.now = at("2024-03-15T23:59:59");
  CHECK(c.outcome() == "send ok");
  c.e.now = at("2024-03-16");
  CHECK(c.outcome() == "hold reminder.missing");
}

TEST_CASE("5.2, 5.4: a campaign on hold holds new and queued advertising, nothing else") {
  for (const auto& [cause, reason, rule] :
       {std::tuple{campaign_hold_cause::unproven, "campaign.max_unproven", "A2.5.2"},
        std::tuple{campaign_hold_cause::bounces, "campaign.bounces", "A2.5.4"},
        std::tuple{campaign_hold_cause::person, "campaign.held", "E4"}}) {
    good_case c;
    c.e.campaign_hold = campaign_hold_facts{cause, at("2024-05-31T12:00:00"), 11, 200};
    for (const auto p : {phase::rcpt, phase::message, phase::attempt})
      for (const auto s : {stream::bulk, stream::automation}) {
        c.e.phase = p;
        c.e.stream = s;
        const auto v = c.judged();
        CHECK(v.decision == decision::hold);
        CHECK(v.reason == reason);
        CHECK(v.rule == rule);
        CHECK(v.dates.at("campaign_held_since") == "2024-05-31T12:00:00+02:00");
        CHECK(to_reply(v).code == 250);
      }
    for (const auto s : {stream::transactional, stream::doi}) {
      c.e.stream = s;
      CHECK(c.outcome() == "send ok");
    }
  }
}

TEST_CASE("5.2: who has no consent is refused, also while the campaign is on hold") {
  good_case c;
  c.e.campaign_hold = campaign_hold_facts{campaign_hold_cause::person, at("2024-05-31"), 0, 0};
  c.e.consent.reset();
  CHECK(c.outcome() == "refuse consent.missing");
}

TEST_CASE("E4: content that a person must see is not let go with its campaign") {
  good_case c;
  c.e.campaign_hold = campaign_hold_facts{campaign_hold_cause::person, at("2024-05-31"), 0, 0};
  find(c.scan, "S3", 12);
  CHECK(c.outcome() == "hold content.s3");
}

TEST_CASE("5.2, 5.4: a share is over its knob only strictly, and only of 200") {
  struct row {
    std::uint64_t part, whole;
    int share;
    bool is_over;
  };
  for (const row& r :
       {row{10, 200, 500, false}, row{11, 200, 500, true}, row{10, 199, 500, false},
        row{199, 199, 500, false}, row{200, 200, 500, true}, row{0, 200, 0, false},
        row{1, 200, 0, true}, row{50, 1000, 500, false}, row{51, 1000, 500, true},
        row{25, 1000, 250, false}, row{26, 1000, 250, true}, row{1000, 1000, 10000, false},
        row{50'000'000'000, 1'000'000'000'000, 500, false},
        row{50'000'000'001, 1'000'000'000'000, 500, true}}) {
    INFO(r.part << " of " << r.whole);
    CHECK(is_over_share(r.part, r.whole, r.share) == r.is_over);
  }
}

TEST_CASE("shares are written as they are read") {
  for (const auto& [text, value] :
       {std::pair{"5%", 500}, std::pair{"0%", 0}, std::pair{"100%", 10000}, std::pair{"2.5%", 250},
        std::pair{"0.05%", 5}, std::pair{"12.34%", 1234}}) {
    CHECK(parse_share(text) == value);
    CHECK(share_text(value) == text);
  }
  for (const char* bad : {"", "%", "5", "5 %", "-1%", "100.01%", "101%", "5.%", ".5%", "1.234%",
                          "0x5%", "5%%", "1e1%", "1000%"})
    CHECK_FALSE(parse_share(bad));
}
