#include "app/outgoing_header.h"

#include <catch2/catch.hpp>

#include "smtp/mime/mime_walk.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;

namespace {

const std::string received = "Received: from crm\r\n\tby mx.test; now\r\n";
const std::string date = "Date: Fri, 14 Mar 2025 12:00:00 +0100\r\n";
const std::string id = "Message-ID: <unique@shop.test>\r\n";

rewritten_message rewritten(std::string_view data, bool keeps_list_unsubscribe = false) {
  return rewrite_header(data,
                        {.received = received,
                         .own_name = "mx.test",
                         .message_id_right = "shop.test",
                         .message_id_left = "unique",
                         .now = tests::time_at("2025-03-14T12:00:00")},
                        keeps_list_unsubscribe);
}

const std::string complete = "Date: d\r\nMessage-ID: <a@b>\r\n";

}  // namespace

TEST_CASE("a header goes on as it is, with Received on top") {
  for (const std::string_view field : {
           "Subject: one\r\n\ttwo\r\n three\r\n",
           "X-Long: a\r\n  b\r\nX-Long: c\r\n",
           "Subject : blank before the colon\r\n",
           "To: a@b.test,\r\n c@d.test\r\n",
           "Authentication-Results: other.test; spf=pass\r\n",
           "Authentication-Results: mx.test.other.test; spf=pass\r\n",
           "Authentication-Results: other.test (mx.test); spf=pass\r\n",
           "Authentication-Results: (mx.test)\r\n",
           "Authentication-Results: (mx.test\r\n",
           "Authentication-Results:\r\n",
           "X-Arc-Like: 1\r\nFeedback-IDs: 1\r\nX-CFBL-Address: 1\r\n",
       }) {
    INFO(field);
    const auto data = complete + std::string{field} + "\r\nbody\r\n";
    const auto out = rewritten(data);
    CHECK(out.data == received + data);
    CHECK(out.stripped.empty());
    CHECK(out.message_id == "<a@b>");
  }
}

TEST_CASE("fields that are not the client's to set are taken out, with their folds") {
  struct row {
    const char* field;
    const char* logged;
  };
  for (const row& r : {
           row{"Return-Path: <a@b>\r\n", "Return-Path"},
           row{"RETURN-path: <a@b>\r\n", "RETURN-path"},
           row{"Feedback-ID: a:b:c:d\r\n", "Feedback-ID"},
           row{"Feedback-ID :a\r\n", "Feedback-ID"},
           row{"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", "List-Unsubscribe-Post"},
           row{"List-Unsubscribe:\r\n <https://evil.test/>,\r\n\t<mailto:a@b>\r\n",
               "List-Unsubscribe"},
           row{"ARC-Seal: i=1;\r\n a=rsa-sha256\r\n", "ARC-Seal"},
           row{"arc-Message-Signature: i=1\r\n", "arc-Message-Signature"},
           row{"CFBL-Address: fbl@a.test; report=arf\r\n", "CFBL-Address"},
           row{"CFBL-Feedback-ID: 1\r\n", "CFBL-Feedback-ID"},
           row{"Authentication-Results: mx.test; dkim=pass\r\n", "Authentication-Results"},
           row{"Authentication-Results: MX.test 1; dkim=pass\r\n", "Authentication-Results"},
           row{"Authentication-Results:\r\n mx.test;\r\n dkim=pass\r\n", "Authentication-Results"},
           // A version or a comment may stand between (RFC 8601 section 2.2).
           row{"Authentication-Results: mx.test;dkim=pass\r\n", "Authentication-Results"},
           row{"Authentication-Results: (a) mx.test; dkim=pass\r\n", "Authentication-Results"},
           row{"Authentication-Results: mx.test(a); dkim=pass\r\n", "Authentication-Results"},
           row{"Authentication-Results: \"mx.test\"; dkim=pass\r\n", "Authentication-Results"},
           row{"Authentication-Results: (a (\\) b) c)\r\n (d)\"mx.\\test\" 1; dkim=pass\r\n",
               "Authentication-Results"},
       }) {
    INFO(r.field);
    const auto out = rewritten(complete + std::string{r.field} + "Subject: x\r\n\r\nbody\r\n");
    CHECK(out.data == received + complete + "Subject: x\r\n\r\nbody\r\n");
    CHECK(out.stripped == std::vector<std::string>{r.logged});
  }
}

TEST_CASE("our own fields and Bcc go out with nobody told") {
  const auto out =
      rewritten(complete +
                "Bcc: a@b.test,\r\n c@d.test\r\nbcc: e@f.test\r\nX-Consentry-Topic: news\r\n"
                "x-consentry-anything: 1\r\n\r\nBcc: of the body\r\n");
  CHECK(out.data == received + complete + "\r\nBcc: of the body\r\n");
  CHECK(out.stripped.empty());
}

TEST_CASE("List-Unsubscribe stays where the gateway adds none") {
  const auto data = complete +
                    "List-Unsubscribe: <https://a.test/>\r\nList-Unsubscribe-Post: "
                    "List-Unsubscribe=One-Click\r\n\r\n";
  CHECK(rewritten(data, true).data ==
        received + complete + "List-Unsubscribe: <https://a.test/>\r\n\r\n");
  CHECK(rewritten(data, false).data == received + complete + "\r\n");
}

TEST_CASE("Date and Message-ID are added where they lack") {
  struct row {
    const char* data;
    std::string out;
    const char* message_id;
  };
  for (const row& r : {
           row{"Subject: x\r\n\r\nbody\r\n", "Subject: x\r\n" + date + id + "\r\nbody\r\n",
               "<unique@shop.test>"},
           row{"date: d\r\n\r\n", "date: d\r\n" + id + "\r\n", "<unique@shop.test>"},
           row{"message-id:\r\n <a@b>\r\n\r\n", "message-id:\r\n <a@b>\r\n" + date + "\r\n",
               "<a@b>"},
           // An empty one is as none.
           row{"Message-ID:\r\n\r\n", "Message-ID:\r\n" + date + id + "\r\n", "<unique@shop.test>"},
           // No header at all, nothing at all, and a header that breaks off: no body is swallowed.
           row{"\r\nbody\r\n", date + id + "\r\nbody\r\n", "<unique@shop.test>"},
           row{"", date + id + "\r\n", "<unique@shop.test>"},
           row{"just text\r\nmore: text\r\n", date + id + "\r\njust text\r\nmore: text\r\n",
               "<unique@shop.test>"},
           row{"Subject: x\r\nno field\r\nBcc: y\r\n",
               "Subject: x\r\n" + date + id + "\r\nno field\r\nBcc: y\r\n", "<unique@shop.test>"},
           row{"Subject: x\r\n", "Subject: x\r\n" + date + id + "\r\n", "<unique@shop.test>"},
           row{"Subject: x\r\n: no name\r\n\r\n", "Subject: x\r\n" + date + id + "\r\n",
               "<unique@shop.test>"},
       }) {
    INFO(r.data);
    const auto out = rewritten(r.data);
    CHECK(out.data == received + r.out);
    CHECK(out.message_id == r.message_id);
  }
}

TEST_CASE("a header's value is unfolded") {
  const std::string_view data = "A: 1\r\nSubject: one\r\n\ttwo\r\na: 2\r\n\r\nA: 3\r\n";
  CHECK(header_value(data, "a") == "2");
  CHECK(header_value(data, "Subject") == "one two");
  CHECK(header_value(data, "B").empty());
}

// Else a message could be judged by one header and sent with another (RULES A6, H8).
TEST_CASE("what goes out ends its header where the judged message does") {
  const std::string from = "From: a@own.test\r\n";
  const std::string forged = "From: b@bank.test\r\nContent-Type: image/png\r\n";
  for (const std::string_view odd : {"bad name: x\r\n",
                                     "B\xc3\xa1"
                                     "d: x\r\n",
                                     "X\x01: x\r\n", "no field\r\n", ": no name\r\n",
                                     ": no name\r\n folded\r\n", "From x@y Tue 10:00:00\r\n"}) {
    for (const bool comes_first : {false, true}) {
      INFO(odd << comes_first);
      const auto head = comes_first ? std::string{odd} + from : from + std::string{odd};
      const auto data = head + forged + "\r\nbody\r\n";
      const auto judged = smtp::mime::walk(data);
      const auto sent = smtp::mime::walk(rewritten(data).data);
      CHECK(sent.count("From") == judged.count("From"));
      CHECK(sent.count("Content-Type") == judged.count("Content-Type"));
      CHECK(sent.parts.front().body == judged.parts.front().body);
    }
  }
  for (const std::string_view first : {" fold of nothing\r\n", "\tFrom: c@d.test\r\n"})
    CHECK(rewritten(std::string{first} + complete + from + "\r\nbody\r\n").data ==
          received + complete + from + "\r\nbody\r\n");
}
