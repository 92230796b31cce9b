// Headers that make a mail seem another's (RULES A6, H8).
#include <algorithm>
#include <catch2/catch.hpp>
#include <utility>

#include "filters/header_forgery.h"
#include "tests/unit/filters/shipped.h"

using namespace consentry;
using namespace consentry::tests;

namespace {

filters::header_report check(const std::string& headers, bool is_known_sender = false) {
  filters::sender_facts sender;
  if (is_known_sender) {
    sender.is_verified = [](std::string_view domain) { return domain == "ceg.example"; };
  }
  return filters::check_headers(smtp::mime::walk(headers + "\r\nszia\r\n"), sender,
                                shipped_patterns().brands());
}

double score(const filters::header_report& r) {
  double sum = 0;
  for (const auto& f : r.findings) sum += f.score;
  return sum;
}

}  // namespace

TEST_CASE("forged headers are found and conclusive") {
  const std::pair<const char*, const char*> cases[] = {
      {"header.from_many", "From: a@ceg.example, b@ceg.example\r\n"},
      {"header.from_duplicate", "From: a@ceg.example\r\nFrom: b@ceg.example\r\n"},
      {"header.duplicate", "From: a@ceg.example\r\nSubject: a\r\nSubject: b\r\n"},
      {"header.sender_syntax", "From: a@ceg.example\r\nSender: senki\r\n"},
      {"header.reply_to_syntax", "From: a@ceg.example\r\nReply-To: <<x>\r\n"},
      {"header.display_address", "From: \"info@otpbank.hu\" <a@ceg.example>\r\n"},
      {"header.display_domain", "From: \"www.masik.hu\" <a@ceg.example>\r\n"},
      {"header.domain_confusable", "From: a@\xD0\xB0\xD1\x80\xD1\x80\xD3\x8F\xD0\xB5.example\r\n"},
      {"header.domain_confusable", "From: a@p\xD0\xB0ypal.example\r\n"},
      {"header.domain_confusable", "From: a@xn--80ak6aa92e.example\r\n"},
      {"header.decoded_newline", "From: a@ceg.example\r\nSubject: =?utf-8?Q?a=0D=0ABcc:_x?=\r\n"},
  };
  for (const auto& [id, headers] : cases) {
    const auto r = check(headers);
    INFO(headers);
    const auto at =
        std::find_if(r.findings.begin(), r.findings.end(),
                     [&, want = std::string{id}](const auto& f) { return f.pattern == want; });
    REQUIRE(at != r.findings.end());
    CHECK(at->conclusive);
    CHECK(at->category == "H8");
    CHECK_FALSE(at->note.empty());
  }
}

TEST_CASE("honest headers give nothing") {
  for (const std::string headers :
       {"From: a@ceg.example\r\n", "From: =?utf-8?Q?K=C3=A9k_Bolt?= <a@ceg.example>\r\n",
        "From: \"Ceg.example\" <hirlevel@news.ceg.example>\r\n",
        "From: \"Dr.Kovács Anna, St.Mary\" <a@ceg.example>\r\n",
        "From: \"Kovácsbolt.hu\" <a@kovacsbolt.com>\r\n",
        "From: OTP Bank <ugyfel@email.otpbank.hu>\r\n", "From: PayPal <x@email.paypal.at>\r\n",
        "From: a@ékszer.example\r\n", "From: a@xn--kszer-9ra.example\r\n",
        "From: a@ceg.example\r\nSubject: Re: a\r\nIn-Reply-To: <1@x>\r\n",
        "From: a@ceg.example\r\nReply-To: b@ceg.example\r\nSender: c@ceg.example\r\n",
        "From: a@ceg.example\r\nSubject: egy\r\n folytatva\r\n"}) {
    const auto r = check(headers);
    INFO(headers);
    for (const auto& f : r.findings) CHECK(f.pattern == "");
    CHECK_FALSE(r.from_domain.empty());
  }
}

TEST_CASE("suspicion is weighed, not proof") {
  CHECK(score(check("From: OTP Bank <a@ceg.example>\r\n")) == 6);
  CHECK(score(check("From: 0TP B4nk <a@ceg.example>\r\n")) == 6);
  CHECK(score(check("From: a@ceg.example\r\nSubject: RE: ajánlat\r\n")) == 2);
  // Stored mail often lost its From; where ownership is judged, nobody's mail is refused.
  CHECK(score(check("Subject: a\r\n")) < 5);
  CHECK(score(check("Subject: a\r\n", true)) == 10);
}

TEST_CASE(
    "several Reply-To addresses are odd in stored mail, and refused where it is known who sends") {
  const std::string two = "From: a@ceg.example\r\nReply-To: b@ceg.example, c@ceg.example\r\n";
  for (const bool is_known : {false, true}) {
    const auto found = check(two, is_known).findings;
    REQUIRE(found.size() == 1);
    CHECK(found.front().pattern == "header.reply_to_many");
    CHECK(found.front().conclusive == is_known);
  }
}

TEST_CASE("where the sender is known, every identity must be its own") {
  CHECK(check("From: a@ceg.example\r\n", true).findings.empty());
  CHECK(check("From: a@ceg.example\r\n", true).from_domain == "ceg.example");
  CHECK(check("From: a@mas.example\r\n", true).findings.front().pattern ==
        "header.from_unverified");
  CHECK(
      check("From: a@ceg.example\r\nReply-To: b@mas.example\r\n", true).findings.front().pattern ==
      "header.reply_to_unverified");
  CHECK(check("From: a@ceg.example\r\nSender: b@mas.example\r\n", true).findings.front().pattern ==
        "header.sender_unverified");
}
