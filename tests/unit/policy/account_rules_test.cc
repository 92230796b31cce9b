// The rules about account, sender, stream and suppression (RULES A1, A2, A5, C5, D3).
#include "tests/unit/policy/case.h"

using namespace consentry;
using namespace consentry::policy;
using namespace consentry::policy::tests;
using smtp::stream;
using tenants::tenant_state;

TEST_CASE("A2 1, 4, 9, 12: what the state of the account lets through") {
  struct row {
    tenant_state state;
    stream of;
    const char* at_rcpt;
    const char* at_attempt;
  };
  for (const row& r : {
           row{tenant_state::active, stream::bulk, "send ok", "send ok"},
           row{tenant_state::pending, stream::bulk, "refuse tenant.inactive",
               "hold tenant.inactive"},
           row{tenant_state::pending, stream::transactional, "refuse tenant.inactive",
               "hold tenant.inactive"},
           row{tenant_state::overdue, stream::bulk, "refuse tenant.overdue", "hold tenant.overdue"},
           row{tenant_state::overdue, stream::automation, "send ok", "send ok"},
           row{tenant_state::suspended, stream::transactional, "refuse tenant.suspended",
               "hold tenant.suspended"},
           row{tenant_state::terminated, stream::bulk, "refuse tenant.terminated",
               "refuse tenant.terminated"},
       }) {
    INFO(tenants::to_string(r.state) << " " << smtp::to_string(r.of));
    good_case c;
    c.e.tenant_state = r.state;
    c.e.stream = r.of;
    c.e.phase = phase::rcpt;
    CHECK(c.outcome() == r.at_rcpt);
    c.e.phase = phase::attempt;
    CHECK(c.outcome() == r.at_attempt);
  }
  good_case c;
  c.e.tenant_state = tenant_state::overdue;
  c.e.stream = stream::automation;
  c.knobs.overdue = tenants::overdue_allow::nothing;
  CHECK(c.outcome() == "refuse tenant.overdue");
}

TEST_CASE("A5: a bulk block stops bulk only, and queued bulk waits") {
  good_case c;
  c.e.is_bulk_blocked = true;
  CHECK(c.outcome() == "refuse tenant.bulk_blocked");
  CHECK(to_reply(c.judged()).code == 550);
  CHECK(smtp::to_string(c.judged().enhanced) == "5.7.1");
  c.e.phase = phase::attempt;
  CHECK(c.outcome() == "hold tenant.bulk_blocked");
  for (auto s : {stream::transactional, stream::automation, stream::doi}) {
    c.e.stream = s;
    CHECK(c.outcome() == "send ok");
  }
}

TEST_CASE("A2 1, H8: the sender domain is the tenant's own") {
  struct row {
    sender_domain_status status;
    phase when;
    const char* outcome;
  };
  for (const row& r : {
           row{sender_domain_status::verified, phase::message, "send ok"},
           row{sender_domain_status::unknown, phase::rcpt, "send ok"},
           row{sender_domain_status::unknown, phase::message, "refuse sender.domain_missing"},
           row{sender_domain_status::unknown, phase::attempt, "send ok"},
           row{sender_domain_status::unverified, phase::rcpt, "refuse sender.domain_unverified"},
           row{sender_domain_status::foreign, phase::rcpt, "refuse sender.domain_foreign"},
           row{sender_domain_status::foreign, phase::attempt, "refuse sender.domain_foreign"},
       }) {
    good_case c;
    c.e.domain_status = r.status;
    c.e.phase = r.when;
    CHECK(c.outcome() == r.outcome);
    c.e.stream = stream::transactional;
    CHECK(c.outcome() == r.outcome);
  }
}

TEST_CASE("A1.2, A1.3: advertising names campaign and topic, once the header is known") {
  good_case c;
  c.e.topic.clear();
  c.e.consent.reset();
  c.e.phase = phase::rcpt;
  CHECK(c.outcome() == "send ok");
  c.e.phase = phase::message;
  CHECK(c.outcome() == "refuse campaign.topic_missing");
  c.e.topic = "news";
  c.e.consent = consent_of("2024-03-15");
  c.e.campaign.clear();
  CHECK(c.outcome() == "refuse campaign.missing");
  c.e.stream = stream::transactional;
  CHECK(c.outcome() == "send ok");
}

TEST_CASE("5.1: a permission request is refused even with consent and for one recipient") {
  good_case c;
  c.e.is_permission_request = true;
  for (auto s : {stream::bulk, stream::automation, stream::transactional}) {
    c.e.stream = s;
    CHECK(c.outcome() == "refuse campaign.permission_request");
  }
  c.e.stream = stream::doi;
  CHECK(c.outcome() == "send ok");
}

TEST_CASE("C5, D3, 5.4: suppressions by stream") {
  struct row {
    suppression_cause cause;
    const char* reason;
    bool advertising, doi, transactional;  // true: passes
  };
  for (const row& r : {
           row{suppression_cause::complaint, "refuse suppressed.complaint", false, false, true},
           row{suppression_cause::unsubscribe, "refuse suppressed.unsubscribed", false, true, true},
           row{suppression_cause::desk, "refuse suppressed.desk", false, false, true},
           row{suppression_cause::bad_address, "refuse suppressed.bad_address", false, false,
               false},
       }) {
    good_case c;
    c.e.suppression = suppression_facts{r.cause, at("2024-05-01")};
    for (const auto& [s, passes] :
         {std::pair{stream::bulk, r.advertising}, std::pair{stream::automation, r.advertising},
          std::pair{stream::doi, r.doi}, std::pair{stream::transactional, r.transactional}}) {
      INFO(to_string(r.cause) << " " << smtp::to_string(s));
      c.e.stream = s;
      CHECK(c.outcome() == (passes ? "send ok" : r.reason));
    }
  }
}

TEST_CASE("D3: consent newer than an unsubscribe restores; a complaint stays") {
  good_case c{"2024-05-02", "2024-06-01"};
  c.e.suppression = suppression_facts{suppression_cause::unsubscribe, at("2024-05-01")};
  CHECK(c.outcome() == "send ok");
  c.e.suppression->since = at("2024-05-02");
  CHECK(c.outcome() == "refuse suppressed.unsubscribed");
  c.e.suppression = suppression_facts{suppression_cause::complaint, at("2024-05-01")};
  CHECK(c.outcome() == "refuse suppressed.complaint");
}

TEST_CASE("D4: what the desk stopped, and a dead address, stand against a newer consent") {
  for (const auto cause : {suppression_cause::desk, suppression_cause::bad_address}) {
    good_case c{"2024-05-02", "2024-06-01"};
    c.e.suppression = suppression_facts{cause, at("2024-05-01")};
    CHECK(c.outcome() == "refuse suppressed." + std::string{to_string(cause)});
  }
}

TEST_CASE("the worst answer wins, and the first reason to mend among equals") {
  good_case c;
  c.e.scan = nullptr;
  CHECK(c.outcome() == "hold content.unscannable");
  c.e.consent.reset();
  CHECK(c.outcome() == "refuse consent.missing");
  c.e.is_bulk_blocked = true;
  CHECK(c.outcome() == "refuse tenant.bulk_blocked");
  c.e.tenant_state = tenant_state::suspended;
  CHECK(c.outcome() == "refuse tenant.suspended");
}
