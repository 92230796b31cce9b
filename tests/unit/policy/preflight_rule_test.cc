// RULES B: what becomes of bulk mail whose sender domain is known to fail in the DNS.
#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;
using smtp::stream;
using enum rule_knobs::preflight_act;

namespace {

struct failing_case : good_case {
  explicit failing_case(std::string failures = "dkim.missing, dmarc.missing") {
    e.preflight = preflight_facts{.failures = std::move(failures),
                                  .checked_at = e.now - std::chrono::hours{5}};
  }
};

}  // namespace

TEST_CASE("B 9989: a known failure refuses bulk, and says what to do") {
  failing_case c;
  const auto v = c.judged();
  CHECK(c.outcome() == "refuse sender.preflight");
  CHECK(v.rule == "B.9989");
  CHECK(v.enhanced == smtp::enhanced_code{5, 7, 26});
  CHECK_THAT(v.text, Catch::Contains("dkim.missing, dmarc.missing"));
  CHECK_THAT(v.text, Catch::Contains("consentry domain preflight shop.example"));
  CHECK(v.knobs.at("preflight.action") == "refuse");
  CHECK(v.dates.at("preflight_at").starts_with("2024-06-01T04:00"));
  CHECK(rule_text(v.rule) != "");
  CHECK(failing_case{"dkim.missing"}.judged().enhanced == smtp::enhanced_code{5, 7, 20});
  CHECK(failing_case{"dmarc.missing"}.judged().enhanced == smtp::enhanced_code{5, 7, 1});
}

TEST_CASE("B 9989: what is not known, or not bulk, is not refused") {
  good_case never_checked;
  CHECK(never_checked.outcome() == "send ok");
  failing_case passed{""};
  CHECK(passed.outcome() == "send ok");
  for (const auto s : {stream::transactional, stream::automation, stream::doi}) {
    failing_case c;
    c.e.stream = s;
    c.e.recipient_count = 1;
    CHECK(c.outcome() == "send ok");
  }
  failing_case at_rcpt;  // From may be another domain than the envelope sender's
  at_rcpt.e.phase = phase::rcpt;
  CHECK(at_rcpt.outcome() == "send ok");
}

TEST_CASE("B 9989: the knob, and what is queued already") {
  struct row {
    rule_knobs::preflight_act act;
    const char* at_message;
    const char* at_attempt;
  };
  for (const auto& r : {
           row{off, "send ok", "send ok"},
           row{warn, "send ok", "send ok"},
           row{hold, "hold sender.preflight", "send ok"},
           row{refuse, "refuse sender.preflight", "defer sender.preflight"},
       }) {
    failing_case c;
    c.knobs.preflight_action = r.act;
    CHECK(c.outcome() == r.at_message);
    CHECK((c.judged().tags == std::vector<std::string>{"preflight"}) == (r.act == warn));
    c.e.phase = phase::attempt;
    CHECK(c.outcome() == r.at_attempt);
  }
}
