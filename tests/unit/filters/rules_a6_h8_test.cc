// RULES A6 H8, line by line: of each rule what is refused and what is taken. The fields that a
// client must not set are in tests/unit/app/outgoing_header_test.cc.
#include <algorithm>
#include <catch2/catch.hpp>

#include "filters/confusable_domain.h"
#include "filters/header_forgery.h"
#include "tests/unit/filters/shipped.h"

using namespace consentry;
using namespace consentry::tests;

namespace {

// The tenant's own: ceg.example, ékszer.example, boltom.hu.
filters::header_report check(const std::string& headers) {
  filters::sender_facts sender;
  sender.is_verified = [](std::string_view domain) {
    return domain == "ceg.example" || domain == "xn--kszer-9ra.example" || domain == "boltom.hu";
  };
  return filters::check_headers(smtp::mime::walk(headers + "\r\nszia\r\n"), sender,
                                shipped_patterns().brands());
}

struct row {
  const char* finding;  // of the id header.*; "": there is none at all
  std::string headers;
};

void look_at(const std::vector<row>& rows) {
  for (const row& r : rows) {
    const auto report = check(r.headers);
    INFO(r.headers);
    std::string seen;
    for (const auto& f : report.findings) seen += f.pattern + " ";
    INFO(seen);
    if (*r.finding == '\0') {
      CHECK(report.findings.empty());
      continue;
    }
    const auto at = std::ranges::find(report.findings, std::string{"header."} + r.finding,
                                      &filters::finding::pattern);
    REQUIRE(at != report.findings.end());
    CHECK(at->category == "H8");
    const std::string id = r.finding;
    CHECK(at->conclusive == (id != "display_brand" && id != "subject_reply"));
  }
}

const std::string own = "From: a@ceg.example\r\n";

}  // namespace

TEST_CASE("A6 H8: exactly one From address, of a verified domain") {
  look_at({
      {"", own},
      {"", "From: =?utf-8?B?S8OpayBCb2x0?= <a@ceg.example>\r\n"},
      {"", "From: a@\xC3\xA9kszer.example\r\n"},
      {"", "From: Bolt: a@ceg.example;\r\n"},
      {"from_missing", "Subject: a\r\n"},
      {"from_duplicate", own + own},
      {"from_many", "From: a@ceg.example, b@ceg.example\r\n"},
      {"from_many", "From: Bolt: a@ceg.example, b@ceg.example;\r\n"},
      {"from_syntax", "From: senki\r\n"},
      {"from_syntax", "From: undisclosed:;\r\n"},
      {"from_syntax", "From: =?utf-8?Q?a=40ceg.example?=\r\n"},
      {"from_unverified", "From: a@mas.example\r\n"},
      {"from_unverified", "From: a@mas.example (a@ceg.example)\r\n"},
      {"from_unverified", "From: \"a@ceg.example\" <a@mas.example>\r\n"},
      {"from_unverified", "From: a@evilceg.example\r\n"},
  });
}

TEST_CASE("A6 H8: Sender and Reply-To likewise") {
  look_at({
      {"", own + "Sender: b@ceg.example\r\nReply-To: Bolt <c@ceg.example>\r\n"},
      {"sender_unverified", own + "Sender: b@mas.example\r\n"},
      {"sender_many", own + "Sender: b@ceg.example, c@ceg.example\r\n"},
      {"sender_syntax", own + "Sender: senki\r\n"},
      {"duplicate", own + "Sender: b@ceg.example\r\nSender: c@ceg.example\r\n"},
      {"reply_to_unverified", own + "Reply-To: b@mas.example\r\n"},
      {"reply_to_unverified", own + "Reply-To: b@ceg.example, c@mas.example\r\n"},
      {"reply_to_unverified", own + "Reply-To: \"c@ceg.example\" <c@mas.example>\r\n"},
      {"reply_to_unverified", own + "Reply-To: =?utf-8?Q?Bolt?= <c@evilceg.example>\r\n"},
      {"reply_to_many", own + "Reply-To: b@ceg.example, c@ceg.example\r\n"},
      {"reply_to_many", own + "Reply-To: b@ceg.example,\r\n c@ceg.example\r\n"},
      {"reply_to_many", own + "Reply-To: Bolt: b@ceg.example, c@ceg.example;\r\n"},
      {"", own + "Reply-To: Bolt: b@ceg.example;\r\n"},
      {"reply_to_syntax", own + "Reply-To: undisclosed:;\r\n"},
      {"reply_to_syntax", own + "Reply-To: <<x>\r\n"},
      {"duplicate", own + "Reply-To: b@ceg.example\r\nReply-To: c@ceg.example\r\n"},
  });
}

TEST_CASE("A6 H8: no other domain or address in what is shown as the name") {
  look_at({
      {"", "From: \"a@ceg.example\" <a@ceg.example>\r\n"},
      {"", "From: Boltom.hu <a@ceg.example>\r\n"},
      {"", "From: \"\xC3\xA9kszer.example\" <a@\xC3\xA9kszer.example>\r\n"},
      {"",
       "From: \"Dr.Kov\xC3\xA1"
       "cs Anna, St.Mary\" <a@ceg.example>\r\n"},
      {"", "From: Bolt @ Pest <a@ceg.example>\r\n"},
      {"display_address", "From: \"info@otpbank.hu\" <a@ceg.example>\r\n"},
      {"display_address", "From: =?utf-8?Q?info=40otpbank=2Ehu?= <a@ceg.example>\r\n"},
      {"display_address",
       "From: =?utf-8?B?aW5mb0BvdHA=?= =?utf-8?B?YmFuay5odQ==?= <a@ceg.example>\r\n"},
      {"display_address", "From: \"x@bank.travel\" <a@ceg.example>\r\n"},
      {"display_address", "From: \"info\xEF\xBC\xA0otpbank.hu\" <a@ceg.example>\r\n"},
      {"display_address", "From: \"x@ceg.hu\" <a@ceg.example>\r\n"},
      {"display_address", "From: a@ceg.example (info@otpbank.hu)\r\n"},
      {"display_address", "From: \"x@masik.hu\"@ceg.example\r\n"},
      {"display_domain", "From: \"www.masik.hu\" <a@ceg.example>\r\n"},
      {"display_domain", "From: (masik.hu) a@ceg.example\r\n"},
      {"display_domain", "From: masik.hu: a@ceg.example;\r\n"},
      {"display_domain", "From: \"m\xC2\xADsik.hu\" <a@ceg.example>\r\n"},
      {"display_domain", "From: \"boltom.com\" <a@boltom.hu>\r\n"},
  });
}

TEST_CASE("A6 H8: no protected brand in what is shown as the name") {
  look_at({
      {"", "From: Optika Bank utca <a@ceg.example>\r\n"},
      {"display_brand", "From: OTP Bank <a@ceg.example>\r\n"},
      {"display_brand", "From: =?utf-8?B?T1RQIEJhbms=?= <a@ceg.example>\r\n"},
      {"display_brand", "From: 0TP B4nk <a@ceg.example>\r\n"},
      {"display_brand", "From: a@ceg.example (PayPal)\r\n"},
      {"display_brand", "From: PayPal: a@ceg.example;\r\n"},
      {"display_brand", "From: P\xD0\xB0yP\xD0\xB0l <a@ceg.example>\r\n"},
  });
}

TEST_CASE("A6 H8: no domain of mixed scripts, none that looks like another's") {
  look_at({
      {"", "From: a@\xC3\xA9kszer.example\r\n"},
      {"domain_confusable", "From: a@p\xD0\xB0ypal.example\r\n"},
      {"domain_confusable", "From: a@xn--80ak6aa92e.example\r\n"},
      {"domain_confusable", own + "Reply-To: a@c\xD0\xB5g.example\r\n"},
      // The tenant's own in whole Cyrillic: с е г is no Latin word, сеѕ is.
      {"domain_confusable", own + "Sender: a@\xD1\x81\xD0\xB5\xD1\x95.example\r\n"},
      {"domain_imitates", "From: a@paypa1.com\r\n"},
      {"domain_imitates", "From: a@mail.0tpbank.hu\r\n"},
      {"domain_imitates", own + "Reply-To: a@rnbhbank.hu\r\n"},
  });
  // A brand's owner is not taken for its imitator, nor is a domain that merely begins alike.
  for (const char* honest :
       {"otpbank.hu", "hirlevel.otpbank.hu", "paypal.com", "otpbank.example"}) {
    INFO(honest);
    const auto found = check(std::string{"From: a@"} + honest + "\r\n").findings;
    CHECK(std::ranges::none_of(
        found, [](const auto& f) { return f.pattern == "header.domain_imitates"; }));
  }
  CHECK(filters::domain_skeleton("PAYPA1.com") == filters::domain_skeleton("paypal.com"));
  CHECK(filters::domain_skeleton("paypal.com") != filters::domain_skeleton("paypol.com"));
}

TEST_CASE("A6 H8: singleton fields once, no bare CR, LF or NUL, no decoded line end") {
  look_at({
      {"", own + "Subject: egy\r\n folytatva\r\n"},
      {"", own + "Received: a\r\nReceived: b\r\nComments: a\r\nComments: b\r\n"},
      {"duplicate", own + "Subject: a\r\nSUBJECT: b\r\n"},
      {"duplicate", own + "To: a@b.example\r\nTo: c@b.example\r\n"},
      {"duplicate", own + "Message-ID: <a@b>\r\nMessage-ID: <c@b>\r\n"},
      {"duplicate", own + "Content-Type: text/plain\r\nContent-Type: text/html\r\n"},
      {"bare_control", own + "Subject: a\rBcc: x\r\n"},
      {"bare_control", own + std::string{"Subject: a\0b\r\n", 14}},
      {"", own + "Subject: =?utf-8?Q?egy_k=C3=A9t?=\r\n"},
      {"decoded_newline", own + "Subject: =?utf-8?Q?a=0D=0ABcc:_x?=\r\n"},
      {"decoded_newline", own + "Subject: =?utf-8?B?YQpi?=\r\n"},
      {"decoded_newline", own + "Subject: =?utf-8?Q?a=00b?=\r\n"},
  });
}

TEST_CASE("A6 H8: an answer answers something") {
  look_at({
      {"", own + "Subject: Re: a\r\nIn-Reply-To: <1@x>\r\n"},
      {"", own + "Subject: Fwd: a\r\nReferences: <1@x>\r\n"},
      {"", own + "Subject: Red shoes\r\n"},
      {"subject_reply", own + "Subject: RE: aj\xC3\xA1nlat\r\n"},
      {"subject_reply", own + "Subject: Fwd: a\r\n"},
      {"subject_reply", own + "Subject: =?utf-8?Q?Re=3A_a?=\r\n"},
  });
}
