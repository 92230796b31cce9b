#include "smtp/security/mta_sts_policy.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"

namespace consentry::smtp::security {

TEST_CASE("RFC 8461 3.1: the one record of the domain tells the id") {
  using texts = std::vector<std::string>;
  CHECK(sts_record_id({"v=STSv1; id=20160831085700Z;"}) == "20160831085700Z");
  CHECK(sts_record_id({"v=spf1 -all", " v=STSv1;id=a1"}) == "a1");
  CHECK(sts_record_id({"v=STSv1; x=y; id=1; id=2"}) == "1");
  for (const auto& none :
       {texts{}, texts{"v=STSv2; id=1"}, texts{"v=STSv1"}, texts{"v=STSv1; id="},
        texts{"v=STSv1; id=a b"}, texts{"id=1; v=STSv1"},
        texts{"v=STSv1; id=" + std::string(33, 'a')}, texts{"v=STSv1; id=1", "v=STSv1; id=1"}})
    CHECK_FALSE(sts_record_id(none).has_value());
}

TEST_CASE("RFC 8461 3.2: a policy") {
  const auto p = parse_sts_policy(
      "version: STSv1\r\nmode: enforce\r\nmx: Mail.Example.com\r\nmx: *.example.net\nmx: "
      "bücher.example\r\nmax_age: 604800\r\nnew: thing\r\n");
  REQUIRE(p.has_value());
  CHECK(p->mode == sts_mode::enforce);
  CHECK(p->mx ==
        std::vector<std::string>{"mail.example.com", "*.example.net", "xn--bcher-kva.example"});
  CHECK(p->max_age_s == 604800);
  CHECK(lines_of(*p) == std::vector<std::string>{"version: STSv1", "mode: enforce",
                                                 "mx: mail.example.com", "mx: *.example.net",
                                                 "mx: xn--bcher-kva.example", "max_age: 604800"});
  CHECK(parse_sts_policy("version: STSv1\nmode: none\nmax_age: 60\n")->mode == sts_mode::none);
  CHECK(parse_sts_policy("version: STSv1\nmode: testing\nmx: a.test\nmax_age: 9999999999")
            ->max_age_s == 31'557'600);
}

TEST_CASE("what is no policy") {
  for (const char* body :
       {"", "mode: enforce\nversion: STSv1\nmx: a.test\nmax_age: 1\n",
        "version: STSv2\nmode: none\nmax_age: 1\n", "version: STSv1\nmode: enforce\nmax_age: 1\n",
        "version: STSv1\nmode: maybe\nmx: a.test\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.test\n",
        "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: -1\n",
        "version: STSv1\nmode: enforce\nmx: a b.test\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: [192.0.2.1]\nmax_age: 1\n",
        "<html>version: STSv1</html>", "version: STSv1\nnonsense\n"}) {
    INFO(body);
    const auto p = parse_sts_policy(body);
    REQUIRE_FALSE(p.has_value());
    CHECK(p.error().kind == failure_kind::invalid);
  }
  std::string many = "version: STSv1\nmode: enforce\nmax_age: 1\n";
  for (int i = 0; i < 101; ++i) many += "mx: a.test\n";
  CHECK_FALSE(parse_sts_policy(many).has_value());
}

TEST_CASE("RFC 8461 4.1: a star stands for one label, the first") {
  sts_policy p;
  p.mx = {"mail.example.com", "*.example.net"};
  for (const char* host : {"mail.example.com", "MAIL.example.com", "a.example.net"})
    CHECK(matches(p, host));
  for (const char* host : {"example.com", "b.mail.example.com", "a.b.example.net", "example.net",
                           ".example.net", "aexample.net", ""})
    CHECK_FALSE(matches(p, host));
}

TEST_CASE("a policy comes back as it was stored") {
  sts_policy p;
  p.mode = sts_mode::testing;
  p.mx = {"a.test", "*.b.test"};
  p.max_age_s = 86400;
  p.id = "x1";
  p.fetched_at = from_ms(1'790'000'000'000);
  CHECK(decode_sts_policy(encode(p)) == p);
  CHECK(p.ends_at() == from_ms(1'790'086'400'000));
  CHECK_THROWS_AS(decode_sts_policy("\x02"), decode_error);
  CHECK_THROWS_AS(decode_sts_policy(encode(p) + "x"), decode_error);
}

}  // namespace consentry::smtp::security
