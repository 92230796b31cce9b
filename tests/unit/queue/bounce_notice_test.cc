#include "queue/bounce_notice.h"

#include <catch2/catch.hpp>

#include "queue/header_fields.h"
#include "smtp/bounce_rules.h"
#include "tests/unit/queue/store_fixture.h"

using namespace consentry;
using namespace consentry::queue;
using namespace consentry::queue::tests;
using Catch::Contains;

namespace {

const notice_settings settings{
    .host_name = "gw.test", .from = "mailer-daemon@gw.test", .contact = "postmaster@gw.test"};
const std::string mail = "From: news@shop.example\r\nSubject: Autumn\r\n\r\nBody text\r\n";

notice_recipient failed(const std::string& address) {
  notice_recipient r;
  r.address = address;
  r.code = {5, 1, 1};
  r.text = "The mailbox does not exist.";
  r.remote_reply = "550 5.1.1 no such user";
  r.remote_host = "mx.a.test";
  r.last_attempt_at = noon + std::chrono::minutes{1};
  return r;
}

std::optional<bounce_notice> make(const queued_message& m, std::vector<notice_recipient> r,
                                  std::string_view data = mail) {
  return make_bounce_notice(settings, m, r, data, noon + std::chrono::minutes{1},
                            noon + std::chrono::hours{120}, "seed");
}

}  // namespace

TEST_CASE("a DSN, whole") {
  auto m = bulk_message();
  m.id.value = 5;
  m.envid = "QQ314159";
  auto refused = notice_recipient{.address = "bela@b.test",
                                  .code = {5, 7, 1},
                                  .reason = "consent.expired",
                                  .text =
                                      "The consent of this recipient was given more than twelve "
                                      "months ago and was not renewed since."};
  refused.orcpt = "rfc822;old-bela@b.test";
  const auto n = make(m, {failed("anna@a.test"), refused});
  REQUIRE(n);
  const std::string boundary = n->data.substr(n->data.find("boundary=\"") + 10, 38);
  std::string expected =
      "Date: Mon, 21 Sep 2026 14:14:20 +0000\r\n"
      "From: Mail Delivery Service <mailer-daemon@gw.test>\r\n"
      "To: <news@shop.example>\r\n"
      "Subject: Your message was not delivered\r\n"
      "Message-ID: <dsn." +
      boundary.substr(6) +
      "@gw.test>\r\n"
      "In-Reply-To: <1@shop.example>\r\n"
      "References: <1@shop.example>\r\n"
      "Auto-Submitted: auto-replied\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: multipart/report; report-type=delivery-status;\r\n"
      " boundary=\"BOUNDARY\"\r\n"
      "\r\n"
      "--BOUNDARY\r\n"
      "Content-Type: text/plain; charset=us-ascii\r\n"
      "\r\n"
      "This is the mail system at gw.test.\r\n"
      "\r\n"
      "Your message could not be delivered to the recipients below. It will not be\r\n"
      "tried again.\r\n"
      "\r\n"
      "  anna@a.test\r\n"
      "    The mailbox does not exist.\r\n"
      "    Code: 5.1.1\r\n"
      "    Answer of mx.a.test: 550 5.1.1 no such user\r\n"
      "\r\n"
      "  bela@b.test\r\n"
      "    The consent of this recipient was given more than twelve months ago and\r\n"
      "    was not renewed since.\r\n"
      "    Code: 5.7.1   Reason: consent.expired\r\n"
      "\r\n"
      "Questions? Write to postmaster@gw.test.\r\n"
      "\r\n"
      "--BOUNDARY\r\n"
      "Content-Type: message/delivery-status\r\n"
      "\r\n"
      "Original-Envelope-Id: QQ314159\r\n"
      "Reporting-MTA: dns; gw.test\r\n"
      "Arrival-Date: Mon, 21 Sep 2026 14:13:20 +0000\r\n"
      "\r\n"
      "Final-Recipient: rfc822; anna@a.test\r\n"
      "Action: failed\r\n"
      "Status: 5.1.1\r\n"
      "Remote-MTA: dns; mx.a.test\r\n"
      "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
      "Last-Attempt-Date: Mon, 21 Sep 2026 14:14:20 +0000\r\n"
      "\r\n"
      "Original-Recipient: rfc822;old-bela@b.test\r\n"
      "Final-Recipient: rfc822; bela@b.test\r\n"
      "Action: failed\r\n"
      "Status: 5.7.1\r\n"
      "Diagnostic-Code: x-consentry; consent.expired: The consent of this recipient was given more "
      "than twelve months ago and was not renewed since.\r\n"
      "\r\n"
      "--BOUNDARY\r\n"
      "Content-Type: text/rfc822-headers\r\n"
      "\r\n"
      "From: news@shop.example\r\n"
      "Subject: Autumn\r\n"
      "\r\n"
      "--BOUNDARY--\r\n";
  for (auto at = expected.find("BOUNDARY"); at != std::string::npos; at = expected.find("BOUNDARY"))
    expected.replace(at, 8, boundary);
  CHECK(n->data == expected);

  CHECK(n->message.is_notice);
  CHECK(n->message.reverse_path.empty());
  CHECK(n->message.about.value == 5);
  CHECK(n->message.tenant == m.tenant);
  CHECK(n->message.sender_domain == "gw.test");
  CHECK(n->recipient.address == "news@shop.example");
  CHECK(n->recipient.domain == "shop.example");
}

TEST_CASE("who is told") {
  struct row {
    const char* name;
    bool null_sender, notice;
    smtp::dsn_notify notify;
    notice_action action;
    bool told;
  };
  for (const auto& r : {
           row{"failure by default", false, false, {}, notice_action::failed, true},
           row{"failure asked for", false, false, {.failure = true}, notice_action::failed, true},
           row{"only delay asked for", false, false, {.delay = true}, notice_action::failed, false},
           row{"only success asked for",
               false,
               false,
               {.success = true},
               notice_action::failed,
               false},
           row{"never", false, false, {.never = true}, notice_action::failed, false},
           row{"delay by default", false, false, {}, notice_action::delayed, true},
           row{"delay asked for", false, false, {.delay = true}, notice_action::delayed, true},
           row{"delay not asked for",
               false,
               false,
               {.failure = true},
               notice_action::delayed,
               false},
           row{"success", false, false, {.success = true}, notice_action::relayed, true},
           row{"success not asked for", false, false, {}, notice_action::relayed, false},
           row{"null sender", true, false, {}, notice_action::failed, false},
           row{"a notice itself", false, true, {}, notice_action::failed, false},
       }) {
    INFO(r.name);
    auto m = bulk_message();
    if (r.null_sender) m.reverse_path.clear();
    m.is_notice = r.notice;
    auto recipient = failed("anna@a.test");
    recipient.notify = r.notify;
    recipient.action = r.action;
    CHECK(make(m, {recipient}).has_value() == r.told);
  }
}

TEST_CASE("a delay is told with its end, and with the header only") {
  auto m = bulk_message();
  m.ret = smtp::dsn_return::full;
  queued_recipient r;
  r.address = "anna@a.test";
  smtp::outcome o{.kind = smtp::outcome_kind::deferred, .remote_host = "mx.a.test"};
  // A refusal that passes is no final word of ours.
  o.last_reply = smtp::reply_of_line("550 5.7.1 too many messages per hour");
  auto told = to_notice_recipient(r, o, noon, "", "");
  told.will_retry_until = noon + std::chrono::hours{72};
  const auto n = make(m, {told});
  REQUIRE(n);
  CHECK_THAT(n->data, Contains("Subject: Your message is delayed\r\n"));
  CHECK_THAT(n->data,
             Contains("Action: delayed\r\nStatus: 4.7.1\r\nRemote-MTA: dns; mx.a.test\r\n"));
  CHECK_THAT(n->data, Contains("\r\nWill-Retry-Until: Thu, 24 Sep 2026 14:13:20 +0000\r\n"));
  CHECK_THAT(n->data, Contains("tried again until Thu, 24"));
  CHECK_THAT(n->data, Contains("Content-Type: text/rfc822-headers"));
}

TEST_CASE("RET=FULL returns the message, within bounds; else the header only") {
  auto m = bulk_message();
  m.ret = smtp::dsn_return::full;
  CHECK_THAT(make(m, {failed("a@a.test")})->data,
             Contains("Content-Type: message/rfc822\r\n\r\nFrom: news@shop.example\r\nSubject: "
                      "Autumn\r\n\r\nBody text\r\n"));
  const auto large = mail + std::string(1 << 20, 'x');
  CHECK(make(m, {failed("a@a.test")}, large)->data.size() < 10'000);
  m.ret = smtp::dsn_return::headers;
  CHECK_THAT(make(m, {failed("a@a.test")})->data, !Contains("Body text"));
  const auto endless_header = "Subject: x\r\n" + std::string(1 << 20, 'y') + ": z\r\n\r\n";
  CHECK(make(m, {failed("a@a.test")}, endless_header)->data.size() < (300 << 10));
}

TEST_CASE("what the peer says cannot add fields or parts") {
  auto r = failed("a@a.test");
  r.remote_reply = "550 bad\r\n\r\n--x\r\nSubject: evil" + std::string(5000, 'z');
  r.remote_host = "mx\r\nBcc: e@e";
  r.text = "line\nbreak";
  const auto text = make(bulk_message(), {r})->data;
  CHECK_THAT(text, !Contains("\r\nSubject: evil") && !Contains("\r\nBcc:"));
  std::size_t at = 0;
  for (auto end = text.find("\r\n"); end != std::string::npos;
       at = end + 2, end = text.find("\r\n", at))
    CHECK(end - at <= 998);
  CHECK(text.find('\n', 0) == text.find("\r\n") + 1);
}

TEST_CASE("an international address makes an international notice") {
  auto r = failed("\xc3\xa1rv\xc3\xadz@a.test");
  const auto n = make(bulk_message(), {r});
  CHECK(n->message.smtputf8);
  CHECK_THAT(n->data, Contains("Content-Type: message/global-delivery-status") &&
                          Contains("Final-Recipient: utf-8; \xc3\xa1rv\xc3\xadz@a.test") &&
                          Contains("Content-Transfer-Encoding: 8bit"));
}

TEST_CASE("an 8-bit original in an ASCII notice is labelled") {
  auto m = bulk_message();
  m.ret = smtp::dsn_return::full;
  const auto n = make(m, {failed("a@a.test")}, "Subject: x\r\n\r\n\xc3\xa1\r\n");
  CHECK_FALSE(n->message.smtputf8);
  CHECK(split_header(n->data).header.find("Content-Transfer-Encoding: 8bit") !=
        std::string_view::npos);
}
