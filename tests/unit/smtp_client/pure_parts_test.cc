#include <catch2/catch.hpp>

#include "smtp/client/capabilities.h"
#include "smtp/client/dot_stuffer.h"
#include "smtp/client/mail_commands.h"
#include "smtp/client/reply_reader.h"

namespace consentry::smtp::client {

TEST_CASE("what a server offers") {
  const auto c =
      parse_capabilities({250,
                          {},
                          "mx\nPIPELINING\nchunking\nsize "
                          "1000\n8bitmime\nSMTPUTF8\nSTARTTLS\nDSN\nENHANCEDSTATUSCODES\nX-OWN "
                          "thing"});
  CHECK(
      (c.esmtp && c.pipelining && c.size && c.eight_bit_mime && c.smtputf8 && c.starttls && c.dsn));
  CHECK(c.enhanced_status_codes);
  CHECK(c.chunking);
  CHECK(c.size_max == 1000);
  CHECK_FALSE(parse_capabilities({250, {}, "PIPELINING"}).pipelining);  // a name, not a keyword
  for (const char* s :
       {"mx\nSIZE", "mx\nSIZE 0", "mx\nSIZE x", "mx\nSIZE 99999999999999999999999"}) {
    INFO(s);
    CHECK(parse_capabilities({250, {}, s}).size);
    CHECK_FALSE(parse_capabilities({250, {}, s}).size_max);
  }
}

TEST_CASE("replies come whole, however the bytes are cut") {
  const std::string bytes = "250-mx\r\n250-SIZE 10\r\n250 DSN\r\n550 5.1.1 no\r\n";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    reply_reader r;
    std::vector<reply> got;
    const auto take = [&] {
      while (auto n = r.next()) got.push_back(n->value());
    };
    r.feed(std::string_view{bytes}.substr(0, cut));
    take();
    r.feed(std::string_view{bytes}.substr(cut));
    take();
    REQUIRE(got.size() == 2);
    CHECK(got[0].text == "mx\nSIZE 10\nDSN");
    CHECK(got[1].enhanced == enhanced_code{5, 1, 1});
    CHECK_FALSE(r.has_rest());
  }
}

TEST_CASE("what is no reply ends the connection") {
  std::string many;
  for (int i = 0; i < 101; ++i) many += "250-x\r\n";
  const std::string bad[] = {"hello\r\n",
                             "\r\n",
                             "HTTP/1.1 400 Bad Request\r\n",
                             "250 " + std::string(5000, 'x'),
                             "250-" + std::string(5000, 'x') + "\r\n",
                             many,
                             "250-a\r\n550 b\r\n",
                             "GET-x\r\n"};
  for (const auto& bytes : bad) {
    INFO(bytes.substr(0, 20));
    reply_reader r;
    r.feed(bytes);
    const auto n = r.next();
    REQUIRE(n.has_value());
    REQUIRE_FALSE(n->has_value());
    CHECK(n->error().kind == failure_kind::protocol);
  }
}

TEST_CASE("an open line is waited for, up to its bound") {
  reply_reader r;
  r.feed("250 " + std::string(4000, 'x'));
  CHECK_FALSE(r.next());
  CHECK(r.has_rest());
}

TEST_CASE("messages on the wire: stuffed, ended, in blocks of any size") {
  std::string many_dots, many_dots_stuffed;
  for (int i = 0; i < 40; ++i) {
    many_dots += ".line\r\n.\r\nplain\r\n";
    many_dots_stuffed += "..line\r\n..\r\nplain\r\n";
  }
  struct row {
    std::vector<std::string_view> pieces;
    std::string wire;
  };
  const row rows[] = {
      {{"a\r\n"}, "a\r\n.\r\n"},
      {{"a"}, "a\r\n.\r\n"},
      {{}, ".\r\n"},
      {{""}, ".\r\n"},
      {{".\r\n"}, "..\r\n.\r\n"},
      {{"..a\r\n.b\r\n"}, "...a\r\n..b\r\n.\r\n"},
      {{"a\r\n", ".b\r\n"}, "a\r\n..b\r\n.\r\n"},
      {{"a\r", "\n", ".b"}, "a\r\n..b\r\n.\r\n"},
      {{"a", ".b\r\n"}, "a.b\r\n.\r\n"},
      {{"a\r\n", "", "."}, "a\r\n..\r\n.\r\n"},
      {{many_dots}, many_dots_stuffed + ".\r\n"},
  };
  for (const row& r : rows)
    for (std::size_t room : {1, 2, 3, 5, 1000}) {
      INFO(r.wire << " by " << room);
      dot_stuffer s{r.pieces};
      std::string wire;
      std::vector<std::string_view> block;
      bool was_done = false;
      while (s.next(block, room)) {
        CHECK_FALSE(was_done);
        CHECK(content_bytes(block) <= room + 6);
        CHECK(block.size() <= dot_stuffer::views_max);
        for (const auto view : block) wire += view;
        was_done = s.is_done();
      }
      CHECK(was_done);
      CHECK(block.empty());
      CHECK(wire == r.wire);
    }
}

TEST_CASE("bare CR and LF are found, also where pieces meet") {
  for (const auto& good : std::vector<std::vector<std::string_view>>{
           {}, {"a"}, {"a\r\n"}, {"a\r", "\nb"}, {"\r\n\r\n"}})
    CHECK(has_only_crlf(good));
  for (const auto& bad : std::vector<std::vector<std::string_view>>{{"a\n"},
                                                                    {"a\r"},
                                                                    {"a\rb\r\n"},
                                                                    {"a\r", "b\n"},
                                                                    {"\n", "\r"},
                                                                    {"a\r\r\n"},
                                                                    {"a\r\n", "\n"},
                                                                    {"a\n\r"}})
    CHECK_FALSE(has_only_crlf(bad));
}

TEST_CASE("MAIL and RCPT carry what the server understands, no more") {
  envelope e;
  e.reverse_path = mailbox::parse("from@example.hu").value();
  e.body = body_type::eight_bit;
  e.ret = dsn_return::headers;
  e.envid = "a b+c";
  capabilities none, all = parse_capabilities({250, {}, "mx\nSIZE\n8BITMIME\nSMTPUTF8\nDSN"});
  CHECK(mail_command(e, none, 5) == "MAIL FROM:<from@example.hu>\r\n");
  CHECK(mail_command(e, all, 5) ==
        "MAIL FROM:<from@example.hu> SIZE=5 BODY=8BITMIME RET=HDRS ENVID=a+20b+2Bc\r\n");
  e.smtputf8 = true;
  CHECK(mail_command(e, all, 5).find(" SMTPUTF8") != std::string::npos);
  CHECK(mail_command({}, none, 5) == "MAIL FROM:<>\r\n");

  envelope_recipient r{
      mailbox::parse("jane@t\u00fck\u00f6r.hu").value(), {}, "rfc822;jane+x@example.hu"};
  CHECK(recipient_command(r, none) == "RCPT TO:<jane@xn--tkr-tna2a.hu>\r\n");
  r.notify.failure = r.notify.delay = true;
  CHECK(recipient_command(r, all) ==
        "RCPT TO:<jane@t\u00fck\u00f6r.hu> NOTIFY=FAILURE,DELAY "
        "ORCPT=rfc822;jane+2Bx@example.hu\r\n");
  r.notify = {.never = true};
  CHECK(recipient_command(r, all).find("NOTIFY=NEVER") != std::string::npos);
}

}  // namespace consentry::smtp::client
