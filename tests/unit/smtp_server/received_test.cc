#include "smtp/server/received.h"

#include <catch2/catch.hpp>

using namespace consentry;
using namespace consentry::smtp;
using namespace consentry::smtp::server;

TEST_CASE("the keyword tells how the message came (RFC 3848, RFC 6531)") {
  struct row {
    bool esmtp, tls, auth, utf8;
    const char* keyword;
  };
  const row rows[] = {
      {false, false, false, false, "SMTP"},   {true, false, false, false, "ESMTP"},
      {true, true, false, false, "ESMTPS"},   {true, false, true, false, "ESMTPA"},
      {true, true, true, false, "ESMTPSA"},   {true, false, false, true, "UTF8SMTP"},
      {true, true, true, true, "UTF8SMTPSA"},
  };
  for (const auto& r : rows) {
    session_info session;
    session.esmtp = r.esmtp;
    if (r.tls) session.tls = "TLSv1.3 X";
    if (r.auth) session.who = principal{};
    envelope e;
    e.smtputf8 = r.utf8;
    CHECK(with_keyword(session, e) == r.keyword);
  }
}

TEST_CASE("trace fields are counted in the header only") {
  CHECK(received_count("") == 0);
  CHECK(received_count("\r\nReceived: in the body\r\n") == 0);
  CHECK(received_count("Received: a\r\nSubject: b\r\n Received: folded\r\nRECEIVED : c\r\n"
                       "Received-SPF: pass\r\n\r\nReceived: d\r\n") == 2);
  CHECK(received_count("Received: without an end") == 1);
}

TEST_CASE("the Received field names both sides and no recipient") {
  session_info session;
  session.ehlo_name = "client.test";
  session.remote_ip = "2001:db8::1";
  session.esmtp = true;
  session.tls = "TLSv1.3 TLS_AES_256_GCM_SHA384";
  session.who = principal{};
  envelope e;
  e.recipients.push_back({mailbox::parse("jane@example.hu").value(), {}, ""});
  const auto at = from_ms(1'710'493'200'000);  // 2024-03-15 09:00 UTC
  CHECK(received_field(session, e, "mx.test", "m00000a7", at) ==
        "Received: from client.test ([IPv6:2001:db8::1])\r\n"
        "\tby mx.test with ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
        "\tid m00000a7; Fri, 15 Mar 2024 10:00:00 +0100\r\n");
}
