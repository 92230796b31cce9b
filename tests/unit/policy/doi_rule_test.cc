// RULES A2 5.3: what may leave on the doi stream.
#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;
using smtp::stream;

namespace {

struct doi_case : good_case {
  doi_case() : good_case{"2024-03-15T10:00:00", "2024-06-01T09:00:00"} {
    e.stream = stream::doi;
    e.consent.reset();
  }
  std::string in(phase p) {
    e.phase = p;
    return outcome();
  }
};

}  // namespace

TEST_CASE("A2.5.3: a confirmation of a sign-up passes without any consent") {
  doi_case c;
  for (auto p : {phase::rcpt, phase::message, phase::attempt}) CHECK(c.in(p) == "send ok");
}

TEST_CASE("A2.5.3: one recipient") {
  doi_case c;
  c.e.recipient_count = 2;
  CHECK(c.outcome() == "refuse doi.recipients");
  CHECK(smtp::to_string(c.judged().enhanced) == "5.5.3");
}

TEST_CASE("A2.5.3: the sign-up is at most 24 hours old, at every attempt") {
  struct row {
    const char* signed_up;
    const char* outcome;
  };
  for (const row& r : {
           row{"2024-06-01T09:00:00", "send ok"},
           row{"2024-05-31T09:00:00", "send ok"},
           row{"2024-05-31T08:59:59.999", "refuse doi.no_sign_up"},
           row{"2024-06-01T09:00:00.001", "refuse doi.no_sign_up"},
       }) {
    INFO(r.signed_up);
    doi_case c;
    c.e.sign_up->at = at(r.signed_up);
    for (auto p : {phase::rcpt, phase::message, phase::attempt}) CHECK(c.in(p) == r.outcome);
    CHECK(c.judged().dates.contains("signed_up_at"));
  }
  doi_case c;
  c.e.sign_up.reset();
  for (auto p : {phase::rcpt, phase::message, phase::attempt})
    CHECK(c.in(p) == "refuse doi.no_sign_up");
}

TEST_CASE("A2.5.3: once per list in 24 hours") {
  doi_case c;
  c.e.sign_up->is_mailed = true;
  for (auto p : {phase::rcpt, phase::message, phase::attempt})
    CHECK(c.in(p) == "refuse doi.repeated");
}

TEST_CASE("A2.5.3: the approved words only, once they are known") {
  doi_case c;
  c.e.is_doi_template_approved = false;
  CHECK(c.in(phase::rcpt) == "send ok");
  CHECK(c.in(phase::message) == "refuse doi.template");
  CHECK(c.in(phase::attempt) == "send ok");
}

TEST_CASE("A2.5.3, A1.3: the topic may come with the header, then it must be there") {
  doi_case c;
  c.e.topic.clear();
  c.e.sign_up.reset();
  CHECK(c.in(phase::rcpt) == "send ok");
  CHECK(c.in(phase::message) == "refuse doi.topic_missing");
  CHECK(c.in(phase::attempt) == "refuse doi.topic_missing");
}

TEST_CASE("A2.5.3: other streams know no sign-ups") {
  good_case c;
  c.e.sign_up.reset();
  c.e.is_doi_template_approved = false;
  for (auto s : {stream::bulk, stream::automation, stream::transactional}) {
    c.e.stream = s;
    CHECK(c.outcome() == "send ok");
  }
}
