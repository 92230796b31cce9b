// Links to listed domains: what the knobs make of them.
#include "policy/rules/link_rule.h"

#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;
using enum rule_knobs::link_action;

namespace {

void link(good_case& c, const char* category) {
  filters::finding f;
  f.category = category;
  f.pattern = f.category == "url_blocklist" ? "link.blocklisted" : "link.shortener";
  f.zone = filters::zone::link;
  f.note = "it leads to x.test, which is listed";
  f.begin = c.scan.findings.size();
  c.scan.findings.push_back(f);
}

void deception(good_case& c, double score) {
  filters::finding f;
  f.category = "H8";
  f.pattern = "header.subject_reply";
  f.score = score;
  c.scan.findings.push_back(f);
  c.scan.scores["H8"] = score;
}

}  // namespace

TEST_CASE("A6: a blocked domain is refused, held or told of") {
  good_case c;
  link(c, "url_blocklist");
  const auto v = c.judged();
  CHECK(v.reason == "content.url_blocklist");
  CHECK(v.rule == "A6");
  CHECK(v.decision == decision::refuse);
  CHECK_THAT(v.text, Catch::Contains("x.test"));
  CHECK(v.knobs.at("links.blocklist") == "refuse");
  CHECK(v.matches.size() == 1);
  c.knobs.links_blocklist = hold;
  CHECK(c.outcome() == "hold content.url_blocklist");
  c.knobs.links_blocklist = tag;
  CHECK(c.outcome() == "send ok");
  CHECK(c.judged().tags == std::vector<std::string>{"url_blocklist"});
  c.knobs.links_blocklist = refuse;
  c.e.phase = phase::attempt;  // as judged at acceptance
  CHECK(c.outcome() == "send ok");
  c.e.phase = phase::message;
  c.e.stream = smtp::stream::transactional;
  CHECK(c.outcome() == "refuse content.url_blocklist");
}

TEST_CASE("A6: a shortener adds its points to H8 once, holds, or is told of") {
  good_case c;
  link(c, "url_shortener");
  link(c, "url_shortener");
  auto v = c.judged();
  CHECK(v.is_send());
  CHECK(v.tags == std::vector<std::string>{"url_shortener", "H8"});
  CHECK(v.matches.at(0).score == 2);
  CHECK(v.matches.at(1).score == 0);
  deception(c, 2.9);
  CHECK(c.outcome() == "send ok");
  c.scan.scores["H8"] = 3;
  CHECK(c.outcome() == "hold content.h8");
  CHECK(c.judged().knobs.at("links.shortener_score") == "2");
  c.knobs.links_shortener_score = 0;
  CHECK(c.outcome() == "send ok");
  c.knobs.links_shortener_score = 2;
  c.knobs.links_shortener = tag;
  CHECK(c.outcome() == "send ok");
  CHECK(c.judged().tags == std::vector<std::string>{"url_shortener", "H8"});
  c.knobs.links_shortener = hold;
  v = c.judged();
  CHECK(v.reason == "content.url_shortener");
  CHECK(v.rule == "A6");
  CHECK(v.decision == decision::hold);
  link(c, "url_blocklist");
  CHECK(c.outcome() == "refuse content.url_blocklist");
}

TEST_CASE("A6: mail without listed links looks at none of the knobs") {
  good_case c;
  CHECK(c.judged().knobs.count("links.blocklist") == 0);
  CHECK(c.judged().knobs.count("links.shortener") == 0);
}
