#include "smtp/security/tls_report.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>

#include "base/bytes.h"

namespace consentry::smtp::security {
namespace {

tls_session good() {
  tls_session s;
  s.domain = "example.hu";
  s.policy = tls_policy_kind::sts;
  s.policy_lines = {"version: STSv1", "mode: enforce", "mx: mx.example.hu", "max_age: 60"};
  s.mx_patterns = {"mx.example.hu"};
  s.mx_host = "mx.example.hu";
  s.mx_ip = "192.0.2.1";
  return s;
}

tls_session bad(const std::string& result_type, const std::string& host = "mx.example.hu") {
  auto s = good();
  s.result_type = result_type;
  s.mx_host = host;
  s.cause = "certificate has expired";
  s.source_ip = "198.51.100.1";
  return s;
}

}  // namespace

TEST_CASE("sessions are counted by policy, failures by what and where") {
  tls_day d;
  d.add(good(), 998);
  d.add(bad("certificate-expired"));
  d.add(bad("certificate-expired"));
  d.add(bad("starttls-not-supported", "mx2.example.hu"));
  auto other = good();
  other.policy = tls_policy_kind::none;
  other.policy_lines.clear();
  d.add(other);
  REQUIRE(d.policies.size() == 2);
  CHECK(d.policies[0].successes == 998);
  CHECK(d.policies[0].failures == 3);
  REQUIRE(d.policies[0].details.size() == 2);
  CHECK(d.policies[0].details[0].count == 2);
  CHECK(d.policies[1].successes == 1);

  tls_day sum = decode_tls_day(encode(d));
  sum.add(d);
  CHECK(sum.policies[0].successes == 1996);
  CHECK(sum.policies[0].failures == 6);
  CHECK(sum.policies[0].details[1].count == 2);
  CHECK_THROWS_AS(decode_tls_day(encode(d) + "x"), decode_error);
}

TEST_CASE("what many hosts fail at is bounded, and counted all the same") {
  tls_day d;
  for (int i = 0; i < 500; ++i) d.add(bad("validation-failure", "mx" + std::to_string(i)));
  CHECK(d.policies[0].details.size() == tls_day::details_max);
  CHECK(d.policies[0].failures == 500);
}

TEST_CASE("RFC 8460 4.4: the report") {
  tls_day d;
  d.add(good(), 5326);
  d.add(bad("certificate-expired"), 100);
  const report_head head{.organization = "Company-X",
                         .contact = "sts@company-x.example",
                         .report_id = "5065427c",
                         .domain = "example.hu",
                         .day = from_ms(1'459'468'800'000)};  // 2016-04-01
  const auto v = boost::json::parse(report_json(head, d));
  CHECK(v.at_pointer("/organization-name") == "Company-X");
  CHECK(v.at_pointer("/date-range/start-datetime") == "2016-04-01T00:00:00Z");
  CHECK(v.at_pointer("/date-range/end-datetime") == "2016-04-01T23:59:59Z");
  CHECK(v.at_pointer("/contact-info") == "sts@company-x.example");
  CHECK(v.at_pointer("/report-id") == "5065427c");
  CHECK(v.at_pointer("/policies/0/policy/policy-type") == "sts");
  CHECK(v.at_pointer("/policies/0/policy/policy-string/1") == "mode: enforce");
  CHECK(v.at_pointer("/policies/0/policy/policy-domain") == "example.hu");
  CHECK(v.at_pointer("/policies/0/policy/mx-host/0") == "mx.example.hu");
  CHECK(v.at_pointer("/policies/0/summary/total-successful-session-count") == 5326);
  CHECK(v.at_pointer("/policies/0/summary/total-failure-session-count") == 100);
  CHECK(v.at_pointer("/policies/0/failure-details/0/result-type") == "certificate-expired");
  CHECK(v.at_pointer("/policies/0/failure-details/0/failed-session-count") == 100);
  CHECK(v.at_pointer("/policies/0/failure-details/0/sending-mta-ip") == "198.51.100.1");
  CHECK(v.at_pointer("/policies/0/failure-details/0/receiving-mx-hostname") == "mx.example.hu");
  CHECK(report_file_name(head, "mail.company-x.example") ==
        "mail.company-x.example!example.hu!1459468800!1459555199!5065427c.json.gz");
}

TEST_CASE("RFC 8460 3: who wants reports") {
  using texts = std::vector<std::string>;
  CHECK(report_addresses({"v=TLSRPTv1; rua=mailto:reports@example.com"}) ==
        texts{"mailto:reports@example.com"});
  CHECK(report_addresses({"x", "v=TLSRPTv1;rua=https://r.example.com/v1 , mailto:a@b.test;"}) ==
        texts{"https://r.example.com/v1", "mailto:a@b.test"});
  for (const auto& none :
       {texts{}, texts{"v=TLSRPTv2; rua=mailto:a@b.test"}, texts{"v=TLSRPTv1"},
        texts{"v=TLSRPTv1; rua=http://plain.example/"},
        texts{"v=TLSRPTv1; rua=mailto:a@b.test", "v=TLSRPTv1; rua=mailto:c@d.test"}})
    CHECK(report_addresses(none).empty());
}

}  // namespace consentry::smtp::security
