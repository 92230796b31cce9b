#include "queue/failure_plan.h"

#include <catch2/catch.hpp>

namespace consentry::queue {
namespace {

using smtp::outcome_kind;
using std::chrono::hours;

smtp::outcome refused(const char* line) {
  smtp::outcome o;
  o.last_reply = smtp::reply_of_line(line);
  o.kind = o.last_reply.code >= 500 ? outcome_kind::bounced : outcome_kind::deferred;
  return o;
}

}  // namespace

TEST_CASE("a refusal that passes is a deferral, and nothing else changes") {
  struct row {
    const char* line;
    outcome_kind expected;
    smtp::bounce_class what;
  };
  const row rows[] = {
      {"550 5.1.1 no such user", outcome_kind::bounced, smtp::bounce_class::bad_address},
      {"550 5.7.1 too many messages per hour", outcome_kind::deferred, smtp::bounce_class::rate},
      {"554 5.7.1 greylisted", outcome_kind::deferred, smtp::bounce_class::greylisted},
      {"450 4.1.1 no such user", outcome_kind::deferred, smtp::bounce_class::transient},
      {"554 no", outcome_kind::bounced, smtp::bounce_class::other_permanent},
  };
  for (const auto& r : rows) {
    INFO(r.line);
    auto o = refused(r.line);
    attempt_facts facts;
    judge_reply(*smtp::bounce_rules::shipped(), o, facts);
    CHECK(o.kind == r.expected);
    CHECK(facts.bounce == r.what);
  }
}

TEST_CASE("what is ours to say is never tried again, and a delivery has no class") {
  smtp::outcome ours{.kind = outcome_kind::bounced, .cause = "greylisted by nobody"};
  ours.last_reply.enhanced = {5, 1, 10};
  attempt_facts facts;
  judge_reply(*smtp::bounce_rules::shipped(), ours, facts);
  CHECK(ours.kind == outcome_kind::bounced);
  CHECK(facts.bounce == smtp::bounce_class::bad_domain);

  smtp::outcome done{.kind = outcome_kind::delivered};
  done.last_reply = smtp::reply_of_line("250 ok");
  facts = {};
  judge_reply(*smtp::bounce_rules::shipped(), done, facts);
  CHECK(facts.bounce == smtp::bounce_class::none);
}

TEST_CASE("a class may have waits of its own, the end stays the stream's") {
  const retry_settings s;
  const auto& rules = *smtp::bounce_rules::shipped();
  const auto full = retry_rule_for(s, smtp::stream::bulk, rules, smtp::bounce_class::mailbox_full);
  CHECK(full.first == hours{1});
  CHECK(full.longest == hours{8});
  CHECK(full.expiry == s.bulk.expiry);
  const auto other = retry_rule_for(s, smtp::stream::bulk, rules, smtp::bounce_class::transient);
  CHECK(other.first == s.bulk.first);
}

TEST_CASE("NOTIFY decides who is told (RFC 3461 section 4.1)") {
  const notice_settings s;
  queued_message m;
  m.reverse_path = "a@sender.test";
  m.stream = smtp::stream::transactional;
  m.accepted_at = from_ms(1'000'000);
  const auto late = m.accepted_at + hours{4};
  queued_recipient r;
  const auto told = [&](outcome_kind k, instant at) { return wants_notice(s, m, r, k, at); };
  constexpr auto failed = outcome_kind::bounced, delayed = outcome_kind::deferred,
                 delivered = outcome_kind::delivered;

  // Not given: failure and delay.
  CHECK(told(failed, late));
  CHECK(told(delayed, late));
  CHECK_FALSE(told(delayed, late - std::chrono::seconds{1}));
  CHECK_FALSE(told(delivered, late));
  m.stream = smtp::stream::bulk;
  CHECK_FALSE(told(delayed, late));
  r.notify = {.delay = true};
  CHECK(told(delayed, late));
  CHECK_FALSE(told(failed, late));
  r.delay_told = true;
  CHECK_FALSE(told(delayed, late));
  r = {};
  r.notify = {.success = true, .failure = true};
  CHECK(told(failed, late));
  CHECK(told(delivered, late));
  CHECK_FALSE(told(delayed, late));
  r.notify = {.never = true};
  for (const auto k : {failed, delayed, delivered}) CHECK_FALSE(told(k, late));
  r.notify = {.success = true, .failure = true, .delay = true};
  m.reverse_path.clear();
  for (const auto k : {failed, delayed, delivered}) CHECK_FALSE(told(k, late));
  m.reverse_path = "a@sender.test";
  m.is_notice = true;
  for (const auto k : {failed, delayed, delivered}) CHECK_FALSE(told(k, late));
}

TEST_CASE("delay notices are off at 0") {
  notice_settings s;
  s.delay_after = {};
  queued_message m;
  m.reverse_path = "a@sender.test";
  queued_recipient r;
  r.notify = {.delay = true};
  CHECK_FALSE(wants_notice(s, m, r, outcome_kind::deferred, from_ms(1'000'000'000)));
}

}  // namespace consentry::queue
