#include "smtp/server/command.h"

#include <catch2/catch.hpp>

#include "smtp/server/envelope_arguments.h"
#include "tests/support/scripted_gatekeeper.h"

using namespace consentry::smtp;
using namespace consentry::smtp::server;
using consentry::tests::describe_envelope;

TEST_CASE("verbs are read in any case, with their argument trimmed") {
  struct row {
    const char* line;
    verb what;
    const char* argument;
  };
  const row rows[] = {
      {"EHLO client.test", verb::ehlo, "client.test"},
      {"ehlo  client.test  ", verb::ehlo, "client.test"},
      {"Mail FROM:<a@b>", verb::mail, "FROM:<a@b>"},
      {"MAILFROM:<a@b>", verb::unknown, ""},
      {"DATA", verb::data, ""},
      {"DATA ", verb::data, ""},
      {"", verb::unknown, ""},
      {" NOOP", verb::unknown, "NOOP"},
      {"NOOP\tx", verb::unknown, ""},
      {"GET / HTTP/1.0", verb::http, "/ HTTP/1.0"},
      {"CONNECT mx.test:25 HTTP/1.1", verb::http, "mx.test:25 HTTP/1.1"},
      {"STARTTLS", verb::starttls, ""},
  };
  for (const auto& r : rows) {
    CAPTURE(r.line);
    const auto c = parse_command(r.line);
    CHECK(c.what == r.what);
    CHECK(c.argument == r.argument);
  }
}

TEST_CASE("the argument of EHLO cannot break a header field") {
  for (const char* good : {"client.test", "my_host", "[192.0.2.1]", "[IPv6:::1]", "localhost"})
    CHECK(parse_hello(good).has_value());
  for (const char* bad :
       {"", "a b", "a(b)", "a;b", "[192.0.2.1", "192.0.2.1]", "a\tb", "é.hu", "<a>"})
    CHECK_FALSE(parse_hello(bad).has_value());
  CHECK(parse_hello(std::string(255, 'a')).has_value());
  CHECK_FALSE(parse_hello(std::string(256, 'a')).has_value());
}

TEST_CASE("BDAT takes a number and LAST") {
  struct row {
    const char* text;
    bool good;
    std::uint64_t octets;
    bool last;
  };
  const row rows[] = {
      {"0", true, 0, false},
      {"10 LAST", true, 10, true},
      {"10  last", true, 10, true},
      {"18446744073709551615", true, UINT64_MAX, false},
      {"18446744073709551616", false, 0, false},
      {"-1", false, 0, false},
      {"+1", false, 0, false},
      {"", false, 0, false},
      {"LAST", false, 0, false},
      {"0x10", false, 0, false},
      {"10 FIRST", false, 0, false},
      {"10 LAST LAST", false, 0, false},
  };
  for (const auto& r : rows) {
    CAPTURE(r.text);
    const auto c = parse_bdat(r.text);
    REQUIRE(c.has_value() == r.good);
    if (!r.good) continue;
    CHECK(c->octets == r.octets);
    CHECK(c->last == r.last);
  }
}

TEST_CASE("xtext") {
  CHECK(decode_xtext("abc+2B+3D") == "abc+=");
  CHECK(decode_xtext("") == "");
  for (const char* bad : {"a=b", "a b", "+", "+2", "+2b", "+GG", "é", "a\x7f"}) {
    CAPTURE(bad);
    CHECK_FALSE(decode_xtext(bad));
  }
}

TEST_CASE("MAIL") {
  struct row {
    const char* argument;
    const char* expected;  // the envelope, or the reply
  };
  const row rows[] = {
      {"FROM:<>", "from=<>"},
      {"from:<a@example.hu>", "from=<a@example.hu>"},
      {"FROM: <a@example.hu>", "from=<a@example.hu>"},
      {"FROM:<a@example.hu> SIZE=5  BODY=8bitmime", "from=<a@example.hu> body=8BITMIME size=5"},
      {"FROM:<a@example.hu> SIZE=18446744073709551616",
       "from=<a@example.hu> size=18446744073709551615"},
      {"FROM:<a@example.hu> SIZE=123456789012345678901", "501 5.5.4 bad value of SIZE"},
      {"FROM:<\"a>b\"@example.hu>", "from=<\"a>b\"@example.hu>"},
      {"FROM:<\"a\\\">b\"@example.hu>", "from=<\"a\\\">b\"@example.hu>"},
      {"FROM:<a@example.hu> RET=FULL ENVID=x+20y", "from=<a@example.hu> ret=FULL envid=x y"},
      {"FROM:<a@example.hu> AUTH=b@example.hu", "from=<a@example.hu>"},
      {"FROM:<a@example.hu> AUTH=nobody", "501 5.5.4 bad value of AUTH"},
      {"FROM:<a@example.hu> REQUIRETLS=1", "501 5.5.4 bad value of REQUIRETLS"},
      {"FROM:<a@example.hu> NOTIFY=NEVER", "555 5.5.4 unknown parameter of MAIL"},
      {"FROM:<a@example.hu> -X=1", "501 5.5.4 bad parameter syntax"},
      {"FROM:<a@example.hu> X=1=2", "501 5.5.4 bad parameter syntax"},
      {"FROM:a@example.hu", "from=<a@example.hu>"},
      {"FROM: a@example.hu SIZE=5", "from=<a@example.hu> size=5"},
      {"FROM:a", "501 5.5.4 syntax: FROM:<address>"},
      {"FROM:a@example.hu>", "501 5.5.4 syntax: FROM:<address>"},
      {"FROM:\"a b\"@example.hu", "501 5.5.4 syntax: FROM:<address>"},
      {"FROM:a@example.hu b@example.hu", "501 5.5.4 bad parameter syntax"},
      {"FROM:", "501 5.5.4 syntax: FROM:<address>"},
      {"TO:<a@example.hu>", "501 5.5.4 syntax: FROM:<address>"},
      {"", "501 5.5.4 syntax: FROM:<address>"},
  };
  for (const auto& r : rows) {
    CAPTURE(r.argument);
    const auto e = parse_mail(r.argument, true);
    CHECK((e ? describe_envelope(*e) : to_string(e.error())) == r.expected);
  }
}

TEST_CASE("RCPT") {
  struct row {
    const char* argument;
    bool smtputf8;
    const char* expected;
  };
  const row rows[] = {
      {"TO:<b@example.hu>", false, "from=<> to=<b@example.hu>"},
      {"TO:<postMaster>", false, "from=<> to=<postMaster@mx.test>"},
      {"TO:<b@example.hu> NOTIFY=DELAY,SUCCESS", false,
       "from=<> to=<b@example.hu> notify=SUCCESS,DELAY"},
      {"TO:<b@example.hu> ORCPT=RFC822;x+2B", false, "from=<> to=<b@example.hu> orcpt=RFC822;x+"},
      {"TO:<b@example.hu> ORCPT=utf-8;\\x{E1}b@example.hu", false,
       "from=<> to=<b@example.hu> orcpt=utf-8;\\x{E1}b@example.hu"},
      {"TO:<b@example.hu> ORCPT=;x", false, "501 5.5.4 bad value of ORCPT"},
      {"TO:<b@example.hu> ORCPT=rfc822;", false, "501 5.5.4 bad value of ORCPT"},
      {"TO:<é@example.hu>", true, "from=<> to=<é@example.hu>"},
      {"TO:<é@example.hu>", false, "553 5.6.7 a non-ASCII address needs SMTPUTF8"},
      {"TO:<b@example.hu> RET=FULL", false, "555 5.5.4 unknown parameter of RCPT"},
  };
  for (const auto& r : rows) {
    CAPTURE(r.argument);
    auto next = parse_rcpt(r.argument, true, r.smtputf8, "mx.test");
    envelope e;
    if (next) e.recipients.push_back(*next);
    CHECK((next ? describe_envelope(e) : to_string(next.error())) == r.expected);
  }
}

TEST_CASE("no parameter is taken after HELO") {
  CHECK(parse_mail("FROM:<a@example.hu>", false).has_value());
  CHECK(parse_mail("FROM:<a@example.hu> SIZE=1", false).error().code == 555);
  CHECK(parse_rcpt("TO:<a@example.hu> NOTIFY=NEVER", false, false, "mx.test").error().code == 555);
}

TEST_CASE("AUTH lines may be long, others not") {
  CHECK(line_bytes_max(verb::auth) == 12288);
  CHECK(line_bytes_max(verb::noop) == 512);
  CHECK(line_bytes_max(verb::unknown) == 512);
  CHECK(line_bytes_max(verb::mail) <= 4096);
}
