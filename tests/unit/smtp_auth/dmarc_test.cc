// DMARC records and the tree walk (RFC 9989 sections 4.7 to 4.10).
#include "smtp/auth/dmarc.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <map>

using namespace consentry;
using namespace consentry::smtp::auth;

namespace {

using zone = std::map<std::string, std::vector<std::string>>;

struct walked {
  result<dmarc_discovery> found{dmarc_discovery{}};
  std::vector<std::string> asked;
};

walked discover(const zone& z, const std::string& domain) {
  walked out;
  const txt_lookup lookup =
      [&](std::string name) -> boost::asio::awaitable<result<std::vector<std::string>>> {
    out.asked.push_back(name);
    const auto found = z.find(name);
    if (found == z.end()) co_return failure{.kind = failure_kind::not_found, .permanent = true};
    if (found->second == std::vector<std::string>{"FAILED"})
      co_return failure{.kind = failure_kind::dns};
    co_return found->second;
  };
  boost::asio::io_context io;
  auto task = discover_dmarc(lookup, domain);
  auto answer = boost::asio::co_spawn(io, std::move(task), boost::asio::use_future);
  io.run();
  out.found = answer.get();
  return out;
}

const std::string plain = "v=DMARC1; p=none";

}  // namespace

TEST_CASE("RFC 9989 4.7: what is a record, and what it says") {
  struct row {
    const char* text;
    bool is_record, is_usable;
    dmarc_policy policy;
  };
  using enum dmarc_policy;
  for (const auto& r : {
           row{"v=DMARC1; p=reject", true, true, reject},
           row{"v=DMARC1;p=quarantine;", true, true, quarantine},
           row{" v = DMARC1 ; p = none ", true, true, none},
           row{"v=DMARC1; rua=mailto:a@b.test; P=Reject", true, true, reject},
           // pct, rf and ri of RFC 7489 are unknown tags now
           row{"v=DMARC1; p=reject; pct=0; rf=afrf; ri=60; x", true, true, reject},
           row{"v=DMARC1", true, false, none},
           row{"v=DMARC1; rua=mailto:a@b.test", true, true, none},
           row{"v=DMARC1; p=nonsense; rua=mailto:a@b.test", true, true, none},
           row{"v=DMARC1; p=nonsense", true, false, none},
           row{"v=DMARC1; p=nonsense; rua=https://b.test", true, false, none},
           row{"v=DMARC1; p=reject; sp=nonsense", true, false, none},
           row{"v=DMARC1; p=reject; np=nonsense; rua=mailto:a@b.test", true, true, none},
           row{"v=dmarc1; p=none", false, false, none},
           row{"V=DMARC1; p=none", false, false, none},
           row{"v=DMARC2; p=none", false, false, none},
           row{"p=none; v=DMARC1", false, false, none},
           row{"; v=DMARC1; p=none", false, false, none},
           row{"", false, false, none},
           row{"v=spf1 -all", false, false, none},
       }) {
    INFO(r.text);
    const auto record = parse_dmarc(r.text);
    REQUIRE(record.has_value() == r.is_record);
    if (!record) continue;
    CHECK(record->is_usable() == r.is_usable);
    CHECK(record->policy == r.policy);
  }
  const auto all = parse_dmarc("v=DMARC1; p=none; adkim=s; aspf=S; t=y; psd=n; sp=reject; np=none");
  REQUIRE(all);
  CHECK(all->is_dkim_strict);
  CHECK(all->is_spf_strict);
  CHECK(all->is_test);
  CHECK(all->psd == dmarc_psd::no);
  CHECK(all->subdomain_policy == dmarc_policy::reject);
  CHECK(parse_dmarc("v=DMARC1; p=none; psd=u")->psd == dmarc_psd::unsaid);
}

TEST_CASE("RFC 9989 4.10: at most eight names are asked") {
  CHECK(dmarc_walk("a.b.test") == std::vector<std::string>{"a.b.test", "b.test", "test"});
  CHECK(dmarc_walk("test.") == std::vector<std::string>{"test"});
  CHECK(dmarc_walk("").empty());
  CHECK(dmarc_walk("a.b.c.d.e.f.g.test").size() == 8);
  // The example of the RFC: ten labels and more, then the last seven.
  const auto longest = dmarc_walk("a.b.c.d.e.f.g.h.i.j.mail.example.com");
  REQUIRE(longest.size() == 8);
  CHECK(longest[0] == "a.b.c.d.e.f.g.h.i.j.mail.example.com");
  CHECK(longest[1] == "g.h.i.j.mail.example.com");
  CHECK(longest[7] == "com");
}

TEST_CASE("RFC 9989 4.10.1 and 4.10.2: policy and organization") {
  struct row {
    const char* what;
    zone records;
    std::string domain, organization, policy_at;
    std::size_t asked;
  };
  for (const auto& r : {
           row{"nothing anywhere", {}, "a.b.test", "a.b.test", "", 3},
           row{"its own", {{"_dmarc.b.test", {plain}}}, "b.test", "b.test", "b.test", 2},
           row{"its organization's",
               {{"_dmarc.b.test", {plain}}},
               "a.b.test",
               "b.test",
               "b.test",
               3},
           row{"own before the organization's",
               {{"_dmarc.a.b.test", {plain}}, {"_dmarc.b.test", {plain}}},
               "a.b.test",
               "b.test",
               "a.b.test",
               3},
           row{"an organization two levels down",
               {{"_dmarc.a.b.test", {plain + "; psd=n"}}, {"_dmarc.b.test", {plain}}},
               "x.a.b.test",
               "a.b.test",
               "a.b.test",
               2},
           row{"psd=n at the start ends the walk",
               {{"_dmarc.a.b.test", {plain + "; psd=n"}}, {"_dmarc.b.test", {plain}}},
               "a.b.test",
               "a.b.test",
               "a.b.test",
               1},
           row{"below a public suffix",
               {{"_dmarc.b.test", {plain + "; psd=y"}}, {"_dmarc.test", {plain}}},
               "x.a.b.test",
               "a.b.test",
               "b.test",
               3},
           row{"below a public suffix, with one of its own",
               {{"_dmarc.a.b.test", {plain}}, {"_dmarc.b.test", {plain + "; psd=y"}}},
               "x.a.b.test",
               "a.b.test",
               "a.b.test",
               3},
           row{"a suffix itself",
               {{"_dmarc.b.test", {plain + "; psd=y"}}},
               "b.test",
               "b.test",
               "b.test",
               2},
           row{"the fewest labels win",
               {{"_dmarc.a.b.test", {plain}}, {"_dmarc.test", {plain}}},
               "x.a.b.test",
               "test",
               "test",
               4},
           row{"two records are none",
               {{"_dmarc.b.test", {plain, plain}}},
               "b.test",
               "b.test",
               "",
               2},
           row{"other texts beside it",
               {{"_dmarc.b.test", {"x", plain}}},
               "b.test",
               "b.test",
               "b.test",
               2},
       }) {
    INFO(r.what);
    const auto w = discover(r.records, r.domain);
    REQUIRE(w.found.has_value());
    CHECK(w.found->organization == r.organization);
    CHECK((w.found->policy ? w.found->policy->domain : "") == r.policy_at);
    CHECK(w.asked.size() == r.asked);
  }
  CHECK(discover({{"_dmarc.b.test", {plain + "; psd=y"}}}, "a.b.test").found->is_of_suffix);
  CHECK_FALSE(discover({{"_dmarc.b.test", {plain}}}, "a.b.test").found->is_of_suffix);
  CHECK(discover({{"_dmarc.b.test", {plain, plain}}}, "b.test").found->broken.size() == 2);
}

TEST_CASE("a lookup without answer leaves the policy unknown, where it may lie there") {
  for (const auto* away : {"_dmarc.a.b.test", "_dmarc.b.test"}) {
    const auto w = discover({{away, {"FAILED"}}, {"_dmarc.test", {plain}}}, "a.b.test");
    REQUIRE_FALSE(w.found.has_value());
    CHECK(w.found.error().kind == failure_kind::dns);
  }
  // Above what is known it matters no more.
  const auto below =
      discover({{"_dmarc.b.test", {plain}}, {"_dmarc.test", {"FAILED"}}}, "a.b.test");
  CHECK(below.found.value().policy->domain == "b.test");
  const auto none = discover({{"_dmarc.test", {"FAILED"}}}, "b.test");
  CHECK_FALSE(none.found.value().policy.has_value());
}

TEST_CASE("RFC 9989 4.9: alignment") {
  CHECK(is_dmarc_aligned("a.b.test", "b.test", "a.b.test", "b.test", true));
  CHECK(is_dmarc_aligned("a.b.test", "b.test", "A.B.test", "b.test", true));
  CHECK_FALSE(is_dmarc_aligned("a.b.test", "b.test", "b.test", "b.test", true));
  CHECK(is_dmarc_aligned("a.b.test", "b.test", "b.test", "b.test", false));
  CHECK(is_dmarc_aligned("a.b.test", "b.test", "c.b.test", "b.test", false));
  CHECK_FALSE(is_dmarc_aligned("a.b.test", "b.test", "c.test", "c.test", false));
  CHECK_FALSE(is_dmarc_aligned("b.test", "b.test", "", "b.test", false));
}
