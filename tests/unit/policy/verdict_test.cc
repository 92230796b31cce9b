#include "policy/verdict.h"

#include "base/bytes.h"
#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;

TEST_CASE("a verdict comes back from its bytes whole") {
  good_case c{"2024-03-15", "2025-03-16"};
  filters::finding f;
  f.pattern = "hu.S3.fogadas";
  f.category = "S3";
  f.zone = filters::zone::subject;
  f.part = "0";
  f.view = 2;
  f.begin = 3;
  f.end = 300;
  f.matched = std::string(300, 'x');
  f.weight = 2.5;
  f.score = 5;
  f.note = "n";
  c.scan.findings.push_back(f);
  c.scan.scores["S3"] = 5;
  const auto v = c.judged();
  const auto bytes = encode(v);
  const auto back = decode_verdict(bytes);
  CHECK(encode(back) == bytes);
  CHECK(back.reason == "consent.expired");
  CHECK(back.dates == v.dates);
  CHECK(back.knobs == v.knobs);
  CHECK(back.enhanced == v.enhanced);
  CHECK(back.tags == std::vector<std::string>{"S3"});
  REQUIRE(back.matches.size() == 1);
  CHECK(back.matches[0].matched.size() == 200);
  CHECK(back.matches[0].score == 5);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    CHECK_THROWS_AS(decode_verdict(std::string_view{bytes}.substr(0, n)), decode_error);
  CHECK_THROWS_AS(decode_verdict(bytes + "x"), decode_error);
}

TEST_CASE("a verdict that was stored before there were exemptions is read") {
  auto bytes = encode(good_case{}.judged());
  bytes.front() = 1;
  bytes.pop_back();  // of no exemption
  CHECK(decode_verdict(bytes).is_send());
  CHECK_THROWS_AS(decode_verdict(bytes + "x"), decode_error);
}

TEST_CASE("what the client is told") {
  good_case c;
  CHECK(smtp::to_string(to_reply(c.judged())) == "250 2.1.5 accepted");
  c.e.consent.reset();
  CHECK_THAT(smtp::to_string(to_reply(c.judged())),
             Catch::StartsWith("550 5.7.1 consent.missing: There is no consent"));
  c.e.consent = consent_of("2024-06-01T09:01:00");
  CHECK_THAT(smtp::to_string(to_reply(c.judged())), Catch::StartsWith("451 4.7.1 consent.future"));
  c.e.consent = consent_of("2024-03-15");
  c.scan.unscannable = true;
  CHECK_THAT(smtp::to_string(to_reply(c.judged())),
             Catch::StartsWith("250 2.1.5 content.unscannable"));
}

TEST_CASE("E9: an explanation shows rule, inputs, dates, knobs and version") {
  good_case c{"2024-03-15T10:00:00", "2025-03-16T00:00:00"};
  const auto v = c.judged();
  const auto x = explain(v, c.e);
  CHECK(x.reason == "consent.expired");
  CHECK(x.rule == "A3");
  CHECK_FALSE(x.rule_text.empty());
  CHECK(x.policy_version == v.policy_version);
  CHECK(x.dates.at("consent_day") == "2024-03-15");
  CHECK(x.dates.at("last_day") == "2025-03-15");
  CHECK(x.dates.at("send_day") == "2025-03-16");
  CHECK(x.knobs.at("consent.granularity") == "day");
  const auto text = to_text(x);
  for (const char* part :
       {"consent.expired", "2025-03-15", "2024-03-15T10:00:00+01:00", "web_form", "verified", "p"})
    CHECK_THAT(text, Catch::Contains(part));
  CHECK(text.find(c.e.recipient) == std::string::npos);
}

TEST_CASE("every reason a rule gives has its rule explained") {
  for (const char* id : {"A1.2", "A2.1", "A2.4", "A2.5.1", "A2.5.2", "A2.5.2.1", "A2.5.3", "A2.5.4",
                         "A2.9", "A2.12", "A3", "A4", "A5", "A6", "C5", "D3", "H8", "S3"})
    CHECK_FALSE(rule_text(id).empty());
}
