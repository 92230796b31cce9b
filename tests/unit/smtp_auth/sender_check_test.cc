// What is found wrong with a sender domain, and the records that mend it.
#include "smtp/auth/sender_check.h"

#include <catch2/catch.hpp>

using namespace consentry;
using namespace consentry::smtp::auth;
using spf::spf_result;

namespace {

using texts = std::vector<std::string>;
const std::string rsa = "v=DKIM1; k=rsa; p=AAAA";
const std::string ed = "v=DKIM1; k=ed25519; p=BBBB";

sender_check dkim(std::optional<texts> at_rsa, std::optional<texts> at_ed) {
  return check_dkim({{"c1r._domainkey.b.test", rsa, true, std::move(at_rsa)},
                     {"c1e._domainkey.b.test", ed, false, std::move(at_ed)}});
}

dmarc_discovery policy_at(const std::string& domain, const std::string& text) {
  dmarc_discovery d;
  d.organization = domain;
  d.policy = dmarc_finding{domain, text, parse_dmarc(text).value()};
  return d;
}

std::string said(const sender_check& c) {
  return std::string{to_string(c.state)} + " " + c.reason;
}

}  // namespace

TEST_CASE("RFC 6376 3.6.1: what a key record may say") {
  struct row {
    const char* text;
    const char* fault;
  };
  for (const auto& r : {
           row{"v=DKIM1; k=rsa; p=AAAA", ""},
           row{"k=rsa; p=AAAA", ""},
           row{"p=AAAA", ""},
           row{"v=DKIM1; k=rsa; p=AA AA; n=words", ""},
           row{"v=DKIM1; h=sha1:sha256; s=email; t=s; p=AAAA", ""},
           row{"v=DKIM1; s=*; p=AAAA", ""},
           row{"v=DKIM1; k=rsa; p=AAAB", "differs"},
           row{"v=DKIM1; k=ed25519; p=AAAA", "differs"},
           row{"v=DKIM1; p=", "revoked"},
           row{"v=DKIM2; p=AAAA", "no_key"},
           row{"some words", "no_key"},
           row{"v=DKIM1; h=sha1; p=AAAA", "hash"},
           row{"v=DKIM1; s=tlsrpt; p=AAAA", "service"},
           row{"v=DKIM1; t=y; p=AAAA", "testing"},
       }) {
    INFO(r.text);
    const auto* fault = fault_of_key_record(r.text, rsa);
    CHECK(std::string{fault == nullptr ? "" : fault} == r.fault);
  }
}

TEST_CASE("DKIM: an RSA key has to stand, the other should") {
  CHECK(said(dkim(texts{rsa}, texts{ed})) == "pass ok");
  CHECK(said(dkim(texts{}, texts{ed})) == "fail dkim.missing");
  CHECK(said(dkim(texts{"v=DKIM1; p=CCCC"}, texts{})) == "fail dkim.differs");
  CHECK(said(dkim(texts{rsa}, texts{})) == "warn dkim.second_missing");
  CHECK(said(dkim(texts{"v=DKIM1; t=y; k=rsa; p=AAAA"}, texts{ed})) == "warn dkim.second_testing");
  CHECK(said(dkim(texts{rsa, "v=DKIM1; p="}, texts{ed})) == "fail dkim.revoked");
  // No answer is no failure.
  CHECK(said(dkim(std::nullopt, texts{})) == "unknown dkim.dns");
  const auto in_part = dkim(texts{rsa}, std::nullopt);
  CHECK(said(in_part) == "pass ok");
  CHECK(in_part.is_part_unknown);
  CHECK_FALSE(dkim(texts{rsa}, texts{ed}).is_part_unknown);
  CHECK_FALSE(dkim(texts{}, std::nullopt).is_part_unknown);  // fails, whatever the other is
  CHECK(said(check_dkim({})) == "fail dkim.no_key");

  const auto both = dkim(texts{}, texts{"v=DKIM1; k=ed25519; p=old"});
  REQUIRE(both.records.size() == 2);
  CHECK(both.records[0] ==
        wanted_record{record_act::add, "c1r._domainkey.b.test", "TXT", rsa, "", false});
  CHECK(both.records[1] == wanted_record{record_act::replace, "c1e._domainkey.b.test", "TXT", ed,
                                         "v=DKIM1; k=ed25519; p=old", false});
}

TEST_CASE("DMARC: a policy has to be found") {
  CHECK(said(check_dmarc("b.test", policy_at("b.test", "v=DMARC1; p=none"))) == "pass ok");
  CHECK(said(check_dmarc("a.b.test", policy_at("b.test", "v=DMARC1; p=reject"))) == "pass ok");
  CHECK(said(check_dmarc("b.test", policy_at("b.test", "v=DMARC1; rua=mailto:x@b.test"))) ==
        "warn dmarc.no_policy");
  CHECK(said(check_dmarc("b.test", failure{.kind = failure_kind::dns})) == "unknown dmarc.dns");

  const auto missing = check_dmarc("b.test", dmarc_discovery{.organization = "b.test"});
  CHECK(said(missing) == "fail dmarc.missing");
  REQUIRE(missing.records.size() == 1);
  CHECK(missing.records[0] == wanted_record{record_act::add, "_dmarc.b.test", "TXT",
                                            "v=DMARC1; p=none; rua=mailto:postmaster@b.test", "",
                                            false});

  const auto useless = check_dmarc("b.test", policy_at("b.test", "v=DMARC1; p=maybe"));
  CHECK(said(useless) == "fail dmarc.broken");
  CHECK(useless.records.at(0).act == record_act::replace);
  CHECK(useless.records.at(0).instead_of == "v=DMARC1; p=maybe");

  dmarc_discovery twice{.organization = "b.test"};
  twice.broken = {"v=DMARC1; p=none", "v=DMARC1; p=reject"};
  CHECK(said(check_dmarc("b.test", twice)) == "fail dmarc.broken");

  auto suffix = policy_at("test", "v=DMARC1; p=reject; psd=y");
  suffix.is_of_suffix = true;
  CHECK(said(check_dmarc("b.test", suffix)) == "warn dmarc.suffix_only");
}

TEST_CASE("SPF: our addresses go before all else") {
  const std::vector<egress_answer> both{{"192.0.2.1", {spf_result::pass, ""}},
                                        {"2001:db8::1", {spf_result::fail, ""}}};
  const auto c = check_own_spf("b.test", both, texts{"other", "v=spf1 ip4:192.0.2.1 -all"});
  CHECK(said(c) == "warn spf.not_permitted");
  REQUIRE(c.records.size() == 1);
  CHECK(c.records[0] == wanted_record{record_act::replace, "b.test", "TXT",
                                      "v=spf1 ip6:2001:db8::1 ip4:192.0.2.1 -all",
                                      "v=spf1 ip4:192.0.2.1 -all", false});

  const auto of = [](spf_result r) { return std::vector<egress_answer>{{"192.0.2.1", {r, ""}}}; };
  CHECK(said(check_own_spf("b.test", of(spf_result::pass), texts{})) == "pass ok");
  CHECK(said(check_own_spf("b.test", of(spf_result::none), texts{})) == "warn spf.missing");
  CHECK(said(check_own_spf("b.test", of(spf_result::permerror), texts{"v=spf1 x"})) ==
        "warn spf.broken");
  CHECK(said(check_own_spf("b.test", of(spf_result::permerror), texts{"v=spf1", "v=spf1 -all"})) ==
        "warn spf.several");
  CHECK(said(check_own_spf("b.test", of(spf_result::temperror), std::nullopt)) ==
        "unknown spf.dns");
  CHECK(said(check_own_spf("b.test", of(spf_result::fail), std::nullopt)) == "unknown spf.dns");
  CHECK(said(check_own_spf("b.test", {}, texts{})) == "unknown spf.no_address");
}

TEST_CASE(
    "what a stranger published is shown escaped and shortened, and handed on as it is or not") {
  const auto broken = std::vector<egress_answer>{{"192.0.2.1", {spf_result::permerror, "a\xff\n"}}};
  const std::string hostile = "v=spf1 ip4:192.0.2.9 \x1b[2J\xc3\xa1 -all";
  const std::string endless = "v=spf1 " + std::string(2000, 'x');
  for (const auto& text : {hostile, endless}) {
    const auto c = check_own_spf("b.test", broken, texts{text});
    CHECK(said(c) == "warn spf.unprintable");
    CHECK(c.records.empty());
  }
  CHECK(said(check_own_spf("b.test", broken, texts{"v=spf1 -all", hostile})) ==
        "warn spf.unprintable");
  CHECK_THAT(check_own_spf("b.test", broken, texts{"v=spf1 x"}).text,
             Catch::Contains("(a\\xff\\x0a)"));
  // So many addresses that no record holds them.
  std::vector<egress_answer> many;
  for (int n = 10; n < 74; ++n)
    many.push_back(
        {"2001:db8:1111:2222:3333:4444:5555:66" + std::to_string(n), {spf_result::none, ""}});
  CHECK(said(check_own_spf("b.test", many, texts{})) == "warn spf.unprintable");

  const auto key = dkim(texts{"v=DKIM1; p=\xc3\xa1\r\nX"}, texts{""});
  CHECK(key.records.at(0).instead_of == "v=DKIM1; p=\\xc3\\xa1\\x0d\\x0aX");
  CHECK(key.records.at(1).act == record_act::replace);  // something stands there, if only nothing
  CHECK(dkim(texts{std::string(5000, 'x')}, texts{ed}).records.at(0).instead_of.size() < 310);
}

TEST_CASE("RFC 1035 5.1: a line of a zone file") {
  wanted_record r{.name = "b.test", .type = "TXT", .value = "a\"b\\c\n\xff"};
  CHECK(zone_line(r) == R"(b.test. IN TXT "a\"b\\c\010\255")");
  r.value = std::string(255, 'x') + std::string(255, 'y') + "z";
  CHECK(zone_line(r) ==
        "b.test. IN TXT \"" + std::string(255, 'x') + "\" \"" + std::string(255, 'y') + "\" \"z\"");
  r.value = "";
  CHECK(zone_line(r) == "b.test. IN TXT \"\"");
}

TEST_CASE("a record that two checks ask for is asked for once") {
  const wanted_record ours{.name = "b.test", .type = "TXT", .value = "v=spf1 ?all"};
  auto theirs = ours;
  theirs.is_operators = true;
  auto other = ours;
  other.value = "v=spf1 -all";
  const auto all = records_of(
      {{.what = "spf", .records = {ours}}, {.what = "return_path", .records = {theirs, other}}});
  CHECK(all == std::vector<wanted_record>{ours, other});
}

TEST_CASE("the return path is the operator's to mend") {
  const auto from = result<dmarc_discovery>{policy_at("b.test", "v=DMARC1; p=none")};
  const auto own = result<dmarc_discovery>{dmarc_discovery{.organization = "gw.test"}};
  const auto c = check_return_path("bounce.gw.test", {{"192.0.2.1", {spf_result::none, ""}}},
                                   texts{}, "b.test", from, own);
  CHECK(said(c) == "fail return_path.missing");
  CHECK(c.records.at(0).is_operators);
  const auto good = check_return_path("bounce.gw.test", {{"192.0.2.1", {spf_result::pass, ""}}},
                                      texts{}, "b.test", from, own);
  CHECK(said(good) == "pass ok");
  CHECK_THAT(good.text, Catch::Contains("DKIM alone"));
}

TEST_CASE("the whole: DKIM and DMARC decide, SPF is told") {
  const auto of = [](const char* what, check_state s) {
    return sender_check{.what = what, .state = s, .reason = std::string{what} + ".x"};
  };
  using enum check_state;
  CHECK(overall({}) == unknown);
  CHECK(overall({of("dkim", pass), of("dmarc", pass), of("spf", pass)}) == pass);
  CHECK(overall({of("dkim", pass), of("dmarc", pass), of("spf", warn)}) == warn);
  CHECK(overall({of("dkim", pass), of("dmarc", pass), of("return_path", fail)}) == warn);
  CHECK(overall({of("dkim", pass), of("dmarc", fail)}) == fail);
  CHECK(overall({of("dkim", unknown), of("dmarc", fail)}) == fail);
  CHECK(overall({of("dkim", unknown), of("dmarc", pass)}) == unknown);
  CHECK(failures_of({of("dkim", fail), of("dmarc", fail), of("return_path", fail)}) ==
        "dkim.x, dmarc.x");
  CHECK(remarks_of({of("dkim", pass), of("spf", warn)}) == "spf.x");
}
