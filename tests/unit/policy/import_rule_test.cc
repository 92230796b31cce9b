// A list that looks bought waits for a person (RULES A2 5.3).
#include "policy/judge.h"
#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;
using smtp::stream;

TEST_CASE("A2.5.3: above the knob campaigns wait, at it and below they go") {
  struct row {
    int score, hold_above;
    const char* outcome;
  };
  for (const row& r : {
           row{0, 60, "send ok"},
           row{60, 60, "send ok"},
           row{61, 60, "hold import.suspicious"},
           row{100, 60, "hold import.suspicious"},
           row{1, 0, "hold import.suspicious"},
           row{100, 100, "send ok"},
       }) {
    INFO(r.score << " of " << r.hold_above);
    good_case c;
    c.e.suspect = suspect_import{.import = "i000007", .score = r.score};
    c.knobs.import_hold_score = r.hold_above;
    for (const auto p : {phase::rcpt, phase::message, phase::attempt}) {
      c.e.phase = p;
      CHECK(c.outcome() == r.outcome);
    }
  }
}

TEST_CASE("A2.5.3: other streams go on, and a refusal still comes first") {
  good_case c;
  c.e.suspect = suspect_import{.import = "i000007", .score = 90};
  for (const auto s : {stream::transactional, stream::automation, stream::doi}) {
    c.e.stream = s;
    CHECK(c.outcome() == "send ok");
  }
  c.e.stream = stream::bulk;
  c.e.consent.reset();
  CHECK(c.outcome() == "refuse consent.missing");
}

TEST_CASE("A2.5.3: the tenant is told which import, not what it has in common with others") {
  good_case c;
  c.e.suspect = suspect_import{.import = "i000007", .score = 87};
  const auto v = c.judged();
  CHECK(v.rule == "A2.5.3");
  CHECK_THAT(v.text, Catch::Contains("i000007") && !Catch::Contains("87"));
  CHECK(v.knobs.at("import.hold_score") == "60");
}
