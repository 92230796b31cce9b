#include "reputation/bounce_report.h"

#include <catch2/catch.hpp>

#include "reputation/bounce_text.h"

namespace consentry::reputation {
namespace {

struct expected {
  std::string address;
  bool hard;
  std::string status;
  int code;
  smtp::bounce_class what;
};

void check(const std::string& mail, const std::vector<expected>& wanted) {
  const auto parsed = parse_bounce(mail);
  REQUIRE(parsed.recipients.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto& got = parsed.recipients[i];
    const auto verdict = classify(got, *smtp::bounce_rules::shipped());
    INFO(got.address << ": " << verdict.rule << ": " << got.said.text);
    CHECK(got.address == wanted[i].address);
    CHECK(to_string(got.said.enhanced) == wanted[i].status);
    CHECK(got.said.code == wanted[i].code);
    CHECK(to_string(verdict.what) == to_string(wanted[i].what));
    CHECK(smtp::is_hard(verdict.what) == wanted[i].hard);
  }
}

// An RFC 3464 report with these blocks of fields.
std::string report(const std::string& words, const std::string& blocks) {
  return "From: Mail Delivery System <MAILER-DAEMON@mx.example.hu>\n"
         "To: <b-token@bounce.gw.test>\nSubject: Undelivered Mail Returned to Sender\n"
         "Content-Type: multipart/report; report-type=delivery-status; boundary=bb\n\n"
         "--bb\nContent-Type: text/plain\n\n" +
         words +
         "\n--bb\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.hu\n\n" +
         blocks +
         "\n--bb\nContent-Type: message/rfc822\n\nFrom: a@b.test\nTo: other@example.hu\n"
         "Subject: Undelivered\n\nFinal-Recipient: rfc822; trap@example.hu\nAction: "
         "failed\n\n--bb--\n";
}

std::string words(const std::string& header, const std::string& body) {
  return "Return-Path: <>\nTo: b-token@bounce.gw.test\n" + header + "\n" + body;
}

}  // namespace

TEST_CASE("RFC 3464: each recipient with its own end") {
  check(
      report(
          "",
          "Final-Recipient: rfc822; <anna@example.hu>\nOriginal-Recipient: rfc822;old@example.hu\n"
          "Action: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.example.hu\n"
          "Diagnostic-Code: smtp; 550 5.1.1 <anna@example.hu>: Recipient address rejected:\n"
          "    User unknown in virtual mailbox table\n\n"
          "Final-Recipient: rfc822; bela@example.hu\nAction: failed\nStatus: 5.2.2\n"
          "Diagnostic-Code: smtp; 552 5.2.2 Mailbox full\n\n"
          "Final-Recipient: rfc822; csaba@example.hu\nAction: delayed\nStatus: 4.4.1\n"
          "Will-Retry-Until: Mon, 21 Sep 2026 14:14:20 +0000\n\n"
          "Final-Recipient: rfc822; done@example.hu\nAction: relayed\nStatus: 2.0.0\n"),
      {{"anna@example.hu", true, "5.1.1", 550, smtp::bounce_class::bad_address},
       {"bela@example.hu", false, "5.2.2", 552, smtp::bounce_class::mailbox_full},
       {"csaba@example.hu", false, "4.4.1", 0, smtp::bounce_class::routing}});
}

TEST_CASE("a 4xx after which the other system gave up is its last word") {
  check(report("",
               "Final-Recipient: rfc822; a@example.hu\nAction: failed\nStatus: 4.1.1\n"
               "Diagnostic-Code: smtp; 450 4.1.1 user unknown\n"),
        {{"a@example.hu", true, "4.1.1", 450, smtp::bounce_class::bad_address}});
  check(report("",
               "Final-Recipient: rfc822; a@example.hu\nAction: delayed\nStatus: 4.1.1\n"
               "Diagnostic-Code: smtp; 450 4.1.1 user unknown\n"),
        {{"a@example.hu", false, "4.1.1", 450, smtp::bounce_class::transient}});
  // Name servers that failed for days prove nothing.
  check(report("",
               "Final-Recipient: rfc822; a@example.hu\nAction: failed\nStatus: 4.4.3\n"
               "Diagnostic-Code: x-unix; Host or domain name not found\n"),
        {{"a@example.hu", false, "4.4.3", 0, smtp::bounce_class::routing}});
}

TEST_CASE("words that only a filter says after the mail was shown keep the address") {
  const std::string fields =
      "Final-Recipient: rfc822; a@example.hu\nAction: failed\nStatus: 5.0.0\n"
      "Diagnostic-Code: smtp; 550 Unknown user a@example.hu\n";
  check(report("<a@example.hu>: host mx said: 550 Unknown user (in reply to end of DATA command)",
               fields),
        {{"a@example.hu", false, "5.0.0", 550, smtp::bounce_class::policy}});
  check(report("<a@example.hu>: host mx said: 550 Unknown user (in reply to RCPT TO command)",
               fields),
        {{"a@example.hu", true, "5.0.0", 550, smtp::bounce_class::bad_address}});
}

TEST_CASE("Exim, qmail and others in their own words") {
  check(words("From: Mail Delivery System <Mailer-Daemon@e.example.hu>\n"
              "X-Failed-Recipients: anna@example.hu,\n bela@example.hu\n"
              "Subject: Mail delivery failed: returning message to sender\n",
              "A message that you sent could not be delivered to one or more of its recipients.\n\n"
              "  anna@example.hu\n    SMTP error from remote mail server after RCPT "
              "TO:<anna@example.hu>:\n"
              "    host mx.example.hu [192.0.2.1]: 550 5.1.1 <anna@example.hu>... User Unknown\n"
              "  bela@example.hu\n    host mx.example.hu [192.0.2.1]: 554 5.7.1 Message rejected "
              "as spam\n\n"
              "------ This is a copy of the message, including all the headers. ------\n\n"
              "To: trap@example.hu\n"),
        {{"anna@example.hu", true, "5.1.1", 550, smtp::bounce_class::bad_address},
         {"bela@example.hu", false, "5.7.1", 554, smtp::bounce_class::content}});
  check(words("From: MAILER-DAEMON@q.example.hu\nSubject: failure notice\n",
              "Hi. This is the qmail-send program at q.example.hu.\n"
              "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
              "<anna@example.hu>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
              "--- Below this line is a copy of the message.\n\nTo: trap@example.hu\n"),
        {{"anna@example.hu", true, "5.1.1", 0, smtp::bounce_class::bad_address}});
  check(words("From: postmaster@example.hu\nSubject: Undeliverable Mail\n",
              "Unknown user: anna@example.hu\n\nOriginal message follows.\n\nReceived: from x\n"),
        {{"anna@example.hu", true, "", 0, smtp::bounce_class::bad_address}});
  check(words("From: Mailer-Daemon@e.example.hu\nSubject: Warning: message 1 delayed 24 hours\n",
              "This message has not been delivered yet; it will continue to be tried.\n\n  "
              "anna@example.hu\n"
              "    no such user here\n"),
        {{"anna@example.hu", false, "", 0, smtp::bounce_class::expired}});
}

TEST_CASE("what is no bounce gives none") {
  const std::string none[] = {
      // A delivery that succeeded.
      report("delivery via mx: 250 ok",
             "Final-Recipient: rfc822; a@example.hu\nAction: delivered\nStatus: 2.1.5\n"),
      // People and auto-replies that write about bounces.
      "From: Anna <anna@example.hu>\nSubject: Out of office\nAuto-Submitted: auto-replied\n\n"
      "I am away; bela@example.hu reads my mail.\n",
      "From: Anna <anna@example.hu>\nSubject: Fwd: Undelivered Mail Returned to Sender\n\n"
      "My mail to bela@example.hu could not be delivered: 550 5.1.1 user unknown\n",
      "From: list <mailer-daemon@lists.example.hu>\nList-Id: <x.lists>\nSubject: failure notice\n\n"
      "a@example.hu: user unknown\n",
      "From: postmaster@example.hu\nSubject: Backup report\n\nall files saved for "
      "root@example.hu\n",
      // A complaint.
      "From: MAILER-DAEMON@fbl.example\nSubject: failure notice\nContent-Type: multipart/report;"
      " report-type=feedback-report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n"
      "Feedback-Type: abuse\n\n--b--\n",
      "",
      "From ",
  };
  for (const auto& mail : none) {
    INFO(mail);
    CHECK(parse_bounce(mail).recipients.empty());
  }
}

TEST_CASE("a report is bounded") {
  std::string blocks;
  for (int i = 0; i < 1000; ++i)
    blocks += "Final-Recipient: rfc822; u" + std::to_string(i) +
              "@example.hu\nAction: failed\nStatus: 5.1.1\n\n";
  CHECK(parse_bounce(report("", blocks)).recipients.size() == 100);
}

TEST_CASE("codes are told from other numbers") {
  const auto read = [](std::string_view text) {
    const auto r = quoted_reply(text);
    return std::to_string(r.code) + "|" + smtp::to_string(r.enhanced) + "|" + r.text;
  };
  CHECK(read("host mx [192.0.2.153]: 550 5.1.1 <a@b.hu> gone") == "550|5.1.1|<a@b.hu> gone");
  CHECK(read("no mailbox (#5.1.1)") == "0|5.1.1|)");
  CHECK(read("550-no such user") == "550||no such user");
  CHECK(read("550-5.1.1 The account 550-5.1.1 is gone") ==
        "550|5.1.1|The account 550-5.1.1 is gone");
  CHECK(read("550-559 items") == "0||550-559 items");
  CHECK(read("after 450 seconds on port 5125, 500 MB") ==
        "0||after 450 seconds on port 5125, 500 MB");
  CHECK(read("connect to 4.4.1.5: refused") == "0||connect to 4.4.1.5: refused");
  CHECK(read("") == "0||");
}

}  // namespace consentry::reputation
