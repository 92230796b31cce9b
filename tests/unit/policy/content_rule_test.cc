// RULES A6, F7.
#include "policy/rules/content_rule.h"

#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;

namespace {

struct found {
  const char* category;
  double score;
  int patterns = 1;
  bool conclusive = false;
};

void put(filters::scan_result& scan, const found& f) {
  for (int i = 0; i < f.patterns; ++i) {
    filters::finding x;
    x.pattern = std::string{"hu."} + f.category + ".p" + std::to_string(i);
    x.category = f.category;
    x.score = f.score / f.patterns;
    x.conclusive = f.conclusive;
    scan.findings.push_back(x);
  }
  scan.scores[f.category] += f.score;
}

}  // namespace

TEST_CASE("F7: scores, two patterns, conclusive ones, hard and suspicious categories") {
  struct row {
    found f;
    const char* outcome;
  };
  for (const row& r : {
           row{{"H4", 4.9, 2}, "send ok"}, row{{"H4", 5, 1}, "hold content.h4"},
           row{{"H4", 9.9, 2}, "hold content.h4"},
           row{{"H4", 10, 1}, "hold content.h4"},  // one pattern is no proof
           row{{"H4", 10, 2}, "refuse content.h4"}, row{{"H4", 10, 1, true}, "refuse content.h4"},
           row{{"H8", 10, 1, true}, "refuse content.h8"}, row{{"H5", 40, 4}, "hold content.h5"},
           row{{"H7", 40, 4, true}, "hold content.h7"}, row{{"S3", 9.9, 3}, "send ok"},
           row{{"S3", 10, 3}, "hold content.s3"},
           row{{"S3", 100, 9}, "hold content.s3"},  // S never refuses
       }) {
    INFO(r.f.category << " " << r.f.score << " x" << r.f.patterns);
    good_case c;
    put(c.scan, r.f);
    CHECK(c.outcome() == r.outcome);
    const auto v = c.judged();
    CHECK(v.matches.size() == static_cast<std::size_t>(r.f.patterns));
    CHECK(v.tags.size() == (v.is_send() ? 1 : 0));
    if (!v.is_send()) CHECK(v.rule == r.f.category);
    c.e.phase = phase::attempt;  // as judged at acceptance
    CHECK(c.outcome() == "send ok");
  }
}

TEST_CASE("A6: content binds every stream, and the knobs move its bounds") {
  good_case c;
  put(c.scan, {"H1", 6, 2});
  c.e.stream = smtp::stream::transactional;
  c.e.consent.reset();
  CHECK(c.outcome() == "hold content.h1");
  c.knobs.content_hold = 7;
  CHECK(c.outcome() == "send ok");
  c.knobs.content_hold = c.knobs.content_reject = 6;
  CHECK(c.outcome() == "refuse content.h1");
  c.knobs.hard_reject = false;
  CHECK(c.outcome() == "hold content.h1");
  CHECK(c.judged().knobs.at("hard.action") == "hold");
}

TEST_CASE("A6: what cannot be read is held, refused, or told of, never passed silently") {
  good_case c;
  c.scan.unscannable = true;
  c.scan.unscannable_because = {"part 1.2: encrypted archive"};
  CHECK(c.outcome() == "hold content.unscannable");
  CHECK_THAT(c.judged().text, Catch::Contains("encrypted archive"));
  c.knobs.unscannable_action = rule_knobs::unscannable::reject;
  CHECK(c.outcome() == "refuse content.unscannable");
  c.knobs.unscannable_action = rule_knobs::unscannable::tag;
  const auto tagged = c.judged();
  CHECK(tagged.decision == decision::send);
  CHECK(tagged.tags == std::vector<std::string>{"unscannable"});
  REQUIRE(tagged.matches.size() == 1);
  CHECK_THAT(tagged.matches[0].note, Catch::Contains("encrypted archive"));
  CHECK(tagged.knobs.at("unscannable.action") == "tag");
}

TEST_CASE("a verdict keeps a bounded number of findings") {
  good_case c;
  put(c.scan, {"S1", 50, 100});
  CHECK(c.judged().matches.size() == 32);
}

TEST_CASE("a place seen through two views is shown once") {
  good_case c;
  put(c.scan, {"S1", 5, 1});
  c.scan.findings.push_back(c.scan.findings[0]);
  c.scan.findings[1].view = 3;
  c.scan.findings.push_back(c.scan.findings[0]);
  c.scan.findings[2].end = 9;
  CHECK(c.judged().matches.size() == 2);
}

TEST_CASE("A6: an exemption lets its suspicious category pass, to the end of its last day") {
  tenants::exemption x;
  x.number = 3;
  x.category = "S1";
  x.approver = "desk:anna";
  x.reason = "pharmacy licence";
  x.granted_at = at("2024-05-10T12:00:00");
  x.last_day = *parse_date("2024-10-27");  // a day of 25 hours
  struct row {
    const char* now;
    const char* outcome;
  };
  good_case c;
  put(c.scan, {"S1", 12, 3});
  CHECK(c.outcome() == "hold content.s1");  // none by default
  c.e.exemptions = {x};
  for (const row& r :
       {row{"2024-05-10T11:59:59", "hold content.s1"}, row{"2024-05-10T12:00:00", "send ok"},
        row{"2024-10-27T00:00:00", "send ok"}, row{"2024-10-27T22:59:59Z", "send ok"},
        row{"2024-10-27T23:00:00Z", "hold content.s1"},
        row{"2024-10-28T00:00:00", "hold content.s1"}}) {
    INFO(r.now);
    c.e.now = at(r.now);
    CHECK(c.outcome() == r.outcome);
  }
  c.e.now = at("2024-06-01T09:00:00");
  auto v = c.judged();
  CHECK(v.tags == std::vector<std::string>{"S1"});
  CHECK(v.exemptions == std::map<std::string, std::string>{
                            {"S1", "x3 to 2024-10-27, granted by desk:anna (pharmacy licence)"}});
  CHECK(v.matches.size() == 3);  // what was found is told all the same
  CHECK_THAT(to_text(explain(v, c.e)), Catch::Contains("x3 to 2024-10-27"));
  CHECK(decode_verdict(encode(v)).exemptions == v.exemptions);
  // Nothing was exempt that would not have been held.
  c.scan.scores["S1"] = 9;
  CHECK(c.judged().exemptions.empty());
}

TEST_CASE("A6: an exemption is of its own category, and never of a hard one") {
  tenants::exemption x;
  x.category = "S4";
  x.granted_at = at("2024-05-10");
  x.last_day = *parse_date("2024-12-31");
  good_case c;
  c.e.exemptions = {x};
  put(c.scan, {"S3", 12, 3});
  CHECK(c.outcome() == "hold content.s3");
  put(c.scan, {"S4", 12, 3});
  CHECK(c.outcome() == "hold content.s3");
  put(c.scan, {"H4", 12, 2});
  c.e.exemptions.front().category = "H4";  // the store has none such, and the judge takes none
  CHECK(c.outcome() == "refuse content.h4");
  CHECK(c.judged().exemptions.empty());
}

TEST_CASE("A6: ended early is over at once; of two that overlap the longer one is named") {
  tenants::exemption x;
  x.category = "S4";
  x.granted_at = at("2024-05-10");
  x.last_day = *parse_date("2024-12-31");
  x.ended_at = at("2024-06-01T09:00:00");
  good_case c;
  put(c.scan, {"S4", 12, 3});
  c.e.exemptions = {x};
  c.e.now = *x.ended_at - std::chrono::milliseconds{1};
  CHECK(c.outcome() == "send ok");
  c.e.now = *x.ended_at;
  CHECK(c.outcome() == "hold content.s4");
  x.ended_at.reset();
  x.number = 2;
  c.e.exemptions.push_back(x);
  x.number = 3;
  x.last_day = *parse_date("2024-06-30");
  c.e.exemptions.push_back(x);
  CHECK_THAT(c.judged().exemptions.at("S4"), Catch::StartsWith("x2 to 2024-12-31"));
}
