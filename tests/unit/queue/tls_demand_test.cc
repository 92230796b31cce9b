#include "queue/tls_demand.h"

#include <catch2/catch.hpp>
#include <set>

using namespace consentry;
using namespace consentry::queue;
using smtp::tls_wish;
using smtp::client::peer_check;
using smtp::client::tls_fault;
using smtp::client::tls_mode;
using smtp::dns::dane_records;
using smtp::security::sts_mode;
using smtp::security::sts_policy;
using smtp::security::tls_policy_kind;

namespace {

const std::string host = "mx.mail.test", domain = "example.test";

tls_demand demanding(bool is_mx_secure, std::optional<sts_mode> mode = {},
                     const std::string& mx = host, tls_wish wish = tls_wish::none) {
  tls_demand d;
  d.is_mx_secure = is_mx_secure;
  d.wish = wish;
  if (mode) {
    auto p = std::make_shared<sts_policy>();
    p->mode = *mode;
    p->mx = {mx};
    d.sts = std::move(p);
  }
  return d;
}

result<dane_records> records(std::vector<smtp::dns::tlsa_record> usable) {
  dane_records r;
  r.has_any = true;
  r.base = host;
  r.usable = std::move(usable);
  return r;
}

const result<dane_records> no_records{dane_records{}};
const result<dane_records> bogus{
    failure{failure_kind::dns, false, failure_scope::site, "", "bogus"}};
const smtp::dns::tlsa_record ee{3, 1, 1, std::string(32, 'k')};

host_plan plan(const tls_demand& d, const result<dane_records>& dane = no_records,
               const tls_rules& rules = {}) {
  return plan_for(rules, d, domain, host, dane);
}

}  // namespace

TEST_CASE("without policies TLS is used where offered, unless the operator wants more or less") {
  CHECK(plan(demanding(false)).mode == tls_mode::opportunistic);
  CHECK(plan(demanding(true)).mode == tls_mode::opportunistic);
  CHECK(plan(demanding(false), no_records, {.mode = tls_mode::off}).mode == tls_mode::off);
  CHECK(plan(demanding(false), no_records, {.mode = tls_mode::required}).mode ==
        tls_mode::required);
  for (const char* suffix : {"mail.test", "mx.mail.test", "test"})
    CHECK(plan(demanding(false), no_records, {.mode = tls_mode::off, .required_hosts = {suffix}})
              .mode == tls_mode::required);
  for (const char* suffix : {"ail.test", "x.mx.mail.test", "mail"})
    CHECK(plan(demanding(false), no_records, {.required_hosts = {suffix}}).mode ==
          tls_mode::opportunistic);
}

TEST_CASE("RFC 7672: TLSA records decide, and what cannot be had is not done without") {
  const auto p = plan(demanding(true), records({ee}));
  CHECK(p.mode == tls_mode::required);
  CHECK(p.check.how == peer_check::by::dane);
  CHECK(p.check.is_enforced);
  CHECK(p.check.names == std::vector<std::string>{host, domain});
  CHECK(p.policy == tls_policy_kind::tlsa);

  const auto unusable = plan(demanding(true), records({}));
  CHECK(unusable.mode == tls_mode::required);
  CHECK(unusable.check.how == peer_check::by::nothing);
  CHECK(unusable.refusal_kind == "tlsa-invalid");

  const auto refused = plan(demanding(true), bogus);
  REQUIRE(refused.refusal);
  CHECK(refused.refusal->kind == smtp::outcome_kind::deferred);
  CHECK(refused.refusal->scope == smtp::outcome_scope::recipient);
  CHECK(to_string(refused.refusal->last_reply.enhanced) == "4.7.5");
  CHECK(refused.refusal_kind == "dnssec-invalid");
  // An insecure MX makes them nobody's word.
  CHECK_FALSE(plan(demanding(false), bogus).refusal);
  CHECK(plan(demanding(false), records({ee})).check.how == peer_check::by::nothing);
}

TEST_CASE("RFC 8461: the policy names the host, and its certificate proves it") {
  const auto p = plan(demanding(false, sts_mode::enforce));
  CHECK(p.mode == tls_mode::required);
  CHECK(p.check.how == peer_check::by::certificate);
  CHECK(p.check.names == std::vector<std::string>{host});
  CHECK_FALSE(p.refusal);

  const auto unmatched = plan(demanding(false, sts_mode::enforce, "*.other.test"));
  REQUIRE(unmatched.refusal);
  CHECK(unmatched.refusal_kind == "validation-failure");

  const auto testing = plan(demanding(false, sts_mode::testing, "*.other.test"));
  CHECK_FALSE(testing.refusal);
  CHECK(testing.mode == tls_mode::opportunistic);
  CHECK_FALSE(testing.check.is_enforced);
  CHECK(testing.refusal_kind == "validation-failure");

  CHECK(plan(demanding(false, sts_mode::none)).policy == tls_policy_kind::none);
}

TEST_CASE("DANE outranks MTA-STS, in failure too") {
  const auto p = plan(demanding(true, sts_mode::enforce, "*.other.test"), records({ee}));
  CHECK(p.check.how == peer_check::by::dane);
  CHECK_FALSE(p.refusal);
  CHECK(plan(demanding(true, sts_mode::enforce), bogus).refusal);
  CHECK(plan(demanding(true, sts_mode::enforce)).policy == tls_policy_kind::sts);
}

TEST_CASE("RFC 8689: REQUIRETLS wants a name that is sure and proved") {
  using enum tls_wish;
  const auto unsure = plan(demanding(false, {}, host, required));
  REQUIRE(unsure.refusal);
  CHECK(to_string(unsure.refusal->last_reply.enhanced) == "5.7.30");
  for (const auto& sure :
       {demanding(true, {}, host, required), demanding(false, sts_mode::testing, host, required)}) {
    const auto p = plan(sure);
    CHECK_FALSE(p.refusal);
    CHECK(p.must_offer_requiretls);
    CHECK(p.mode == tls_mode::required);
    CHECK(p.check.how == peer_check::by::certificate);
    CHECK(p.check.is_enforced);
  }
  CHECK(plan(demanding(true, {}, host, required), records({ee})).check.how == peer_check::by::dane);
}

TEST_CASE("RFC 8689: TLS-Required: No waives the policies of recipients, not the operator's") {
  const auto wish = tls_wish::waived;
  CHECK(plan(demanding(true, sts_mode::enforce, host, wish), bogus).mode ==
        tls_mode::opportunistic);
  CHECK_FALSE(plan(demanding(true, sts_mode::enforce, "*.other.test", wish), bogus).refusal);
  CHECK(plan(demanding(true, {}, host, wish), records({ee}), {.required_hosts = {"mail.test"}})
            .mode == tls_mode::required);
}

TEST_CASE("connections of another strength stand on another shelf") {
  CHECK(demanding(false).strength().empty());
  CHECK(demanding(false, sts_mode::testing).strength().empty());
  CHECK(demanding(true, sts_mode::enforce, host, tls_wish::waived).strength().empty());
  std::set<std::string> all;
  for (const bool is_secure : {false, true})
    for (const auto mode : {sts_mode::none, sts_mode::enforce})
      for (const auto wish : {tls_wish::none, tls_wish::required})
        all.insert(demanding(is_secure, mode, host, wish).strength());
  CHECK(all.size() == 8);
}

TEST_CASE("a connection proved by the name of its domain alone is of no use to other domains") {
  const smtp::dns::tlsa_record ta{2, 0, 1, std::string(32, 'a')};
  const auto by_ta = plan(demanding(true), records({ta})).check;
  const auto by_ee = plan(demanding(true), records({ee})).check;
  const auto proves = [](const peer_check& c, const char* name, bool is_resumed = false) {
    return proves_host(c, host, {tls_fault::none, {}, name, is_resumed});
  };
  for (const char* name : {"mx.mail.test", "*.mail.test"}) CHECK(proves(by_ta, name));
  for (const char* name : {"example.test", "*.test", "*.x.mail.test"})
    CHECK_FALSE(proves(by_ta, name));
  CHECK(proves(by_ee, ""));
  CHECK(proves(by_ee, "", true));
  CHECK_FALSE(proves(by_ta, "", true));
}

TEST_CASE("what is said of a session that did not come about") {
  const auto p = plan(demanding(true), records({ee}));
  smtp::outcome o;
  o.scope = smtp::outcome_scope::session;
  o.cause = "certificate: certificate has expired";
  explain(o, tls_fault::expired, p, tls_wish::none);
  CHECK(to_string(o.last_reply.enhanced) == "4.7.5");
  CHECK(o.cause == "certificate: certificate has expired (certificate-expired, dane)");
  CHECK(o.scope == smtp::outcome_scope::recipient);

  smtp::outcome no;
  explain(no, tls_fault::not_offered, plan(demanding(false)), tls_wish::none);
  CHECK(to_string(no.last_reply.enhanced) == "4.7.4");
  smtp::outcome broke;
  explain(broke, tls_fault::handshake, p, tls_wish::required);
  CHECK(to_string(broke.last_reply.enhanced) == "4.7.5");
  smtp::outcome never;
  explain(never, tls_fault::not_trusted, p, tls_wish::required);
  CHECK(to_string(never.last_reply.enhanced) == "5.7.30");
  // The peer's own words say more.
  smtp::outcome refused;
  refused.last_reply = {454, {4, 7, 0}, "TLS not available"};
  explain(refused, tls_fault::not_offered, p, tls_wish::none);
  CHECK(refused.last_reply.code == 454);
}
