#include <catch2/catch.hpp>

#include "base/text.h"
#include "queue/header_fields.h"
#include "queue/message_copy.h"
#include "queue/seven_bit.h"
#include "tests/unit/queue/store_fixture.h"

using namespace consentry;
using namespace consentry::queue;
using namespace consentry::queue::tests;
using Catch::Contains;

namespace {

const smtp::token_ring tokens{{{.number = 1, .secret = std::string(32, 'k')}}};
const copy_settings settings{.bounce_domain = "bounce.gw.test",
                             .gateway_domain = "gw.test",
                             .unsubscribe_url = "https://u.gw.test/u/"};
const smtp::auth::key_ring no_keys;

const std::string simple =
    "Received: by gw.test; Mon, 21 Sep 2026 14:13:20 +0000\r\n"
    "From: Shop <news@shop.example>\r\n"
    "Bcc: secret@else.example,\r\n hidden@else.example\r\n"
    "Message-ID: <1@shop.example>\r\n"
    "Date: Mon, 21 Sep 2026 14:13:00 +0000\r\n"
    "List-Unsubscribe: <mailto:own@shop.example>\r\n"
    "Subject: Hello\r\n"
    "\r\n"
    "Text\r\n";

std::string header_of(const queued_message& m, const std::string& data,
                      copy_settings s = settings) {
  const auto content = make_shared_content(m, data, s.rewrite);
  return copy_header(s, tokens, no_keys, m, recipient_id{42}, *content, noon);
}

int count(const std::string& header, std::string_view name) {
  int n = 0;
  for (const auto& f : split_header(header).fields) n += ascii_iequals(f.name, name) ? 1 : 0;
  return n;
}

std::string value(const std::string& header, std::string_view name) {
  const auto parts = split_header(header);
  const auto* f = find_field(parts.fields, name);
  return f == nullptr ? "(none)" : std::string{f->value()};
}

}  // namespace

TEST_CASE("a bulk copy has a Message-ID, unsubscribe and feedback fields of its own") {
  const auto h = header_of(bulk_message(), simple);
  CHECK(h.ends_with("\r\n\r\n"));
  CHECK(count(h, "message-id") == 1);
  CHECK(value(h, "message-id") ==
        "<" + tokens.make(recipient_id{42}, smtp::token_purpose::message_id) + "@shop.example>");
  const auto unsubscribe = tokens.make(recipient_id{42}, smtp::token_purpose::unsubscribe);
  CHECK(count(h, "list-unsubscribe") == 1);
  CHECK(value(h, "list-unsubscribe") == "<https://u.gw.test/u/" + unsubscribe +
                                            ">,\r\n <mailto:u-" + unsubscribe +
                                            "@bounce.gw.test?subject=unsubscribe>");
  CHECK(value(h, "list-unsubscribe-post") == "List-Unsubscribe=One-Click");
  CHECK(value(h, "list-id") == "<news.t7.shop.example>");
  CHECK(value(h, "feedback-id") == "autumn:bulk:t7:consentry");
  CHECK(count(h, "bcc") == 0);
  CHECK_THAT(h, !Contains("hidden@else.example"));
  CHECK(value(h, "subject") == "Hello");
  CHECK(count(h, "received") == 1);
  for (const auto line : split(h, '\n')) CHECK(line.size() <= 999);
}

TEST_CASE("other streams keep what they have and get what is missing") {
  auto m = bulk_message();
  m.stream = smtp::stream::transactional;
  auto h = header_of(m, simple);
  CHECK(value(h, "message-id") == "<1@shop.example>");
  CHECK(value(h, "list-unsubscribe") == "<mailto:own@shop.example>");
  CHECK(count(h, "feedback-id") == 0);

  h = header_of(m, "From: a@shop.example\r\n\r\nx\r\n");
  CHECK(value(h, "date") == "Mon, 21 Sep 2026 14:13:20 +0000");
  CHECK_THAT(value(h, "message-id"), Contains("@shop.example>"));

  auto all = settings;
  all.rewrite = message_id_rewrite::all;
  CHECK(value(header_of(m, simple, all), "message-id") != "<1@shop.example>");
  all.rewrite = message_id_rewrite::none;
  CHECK(value(header_of(bulk_message(), simple, all), "message-id") == "<1@shop.example>");
}

TEST_CASE("what verifiers read in different ways is not sent on") {
  const auto content =
      make_shared_content(bulk_message(),
                          "From: a@shop.example\r\nCc\t: c@x.hu\r\nSubject  :a : b\r\n"
                          "X-A: one\ftwo \v\r\n\tthree\r\n\r\nx\f\r\n",
                          message_id_rewrite::none);
  CHECK(content->header ==
        "From: a@shop.example\r\nCc: c@x.hu\r\nSubject:a : b\r\nX-A: one two  \r\n\tthree\r\n");
  CHECK(content->body == "x\f\r\n");
}

TEST_CASE("names from outside cannot break the header") {
  auto m = bulk_message();
  m.campaign = "x\r\nBcc: evil@e.example:" + std::string(300, 'y');
  m.topic = "a.b c\xc3\xa9>";
  const auto h = header_of(m, simple);
  CHECK(count(h, "bcc") == 0);
  CHECK(value(h, "list-id") == "<a-b-c---.t7.shop.example>");
}

TEST_CASE("the return path is opaque; notices have none") {
  auto m = bulk_message();
  const auto path = return_path(settings, tokens, m, recipient_id{42});
  CHECK(path ==
        "b-" + tokens.make(recipient_id{42}, smtp::token_purpose::return_path) + "@bounce.gw.test");
  CHECK(path.find('@') <= 64);
  m.is_notice = true;
  CHECK(return_path(settings, tokens, m, recipient_id{42}).empty());
  CHECK(count(header_of(m, simple), "feedback-id") == 0);
}

TEST_CASE("copies are signed for the sender's domain, then for the gateway, over what they hold") {
  secret_text pem;
  namespace auth = smtp::auth;
  consentry::tests::temp_folder folder;
  REQUIRE(auth::create_keys(folder.path(), "shop.example", "s1").has_value());
  REQUIRE(auth::create_keys(folder.path(), "gw.test", "g1").has_value());
  const auto keys = auth::key_ring::load(folder.path());
  const auto content = make_shared_content(bulk_message(), simple, settings.rewrite);
  const auto h =
      copy_header(settings, tokens, *keys, bulk_message(), recipient_id{42}, *content, noon);
  const auto parts = split_header(h);
  std::vector<std::string> domains;
  for (const auto& f : parts.fields) {
    if (f.name != "DKIM-Signature") continue;
    const std::string text{f.whole};
    domains.push_back(text.find("d=shop.example") != std::string::npos ? "shop" : "gw");
    CHECK_THAT(ascii_lower(text), Contains("list-unsubscribe-post"));
    CHECK_THAT(ascii_lower(text), Contains("feedback-id"));
  }
  CHECK(domains == std::vector<std::string>{"shop", "shop", "gw", "gw"});

  // Mail from below the domain is signed with its keys, that from elsewhere by the gateway alone.
  const auto signatures = [&](const std::string& sender_domain) {
    auto m = bulk_message();
    m.sender_domain = sender_domain;
    const auto header = copy_header(settings, tokens, *keys, m, recipient_id{42}, *content, noon);
    std::size_t of_shop = 0;
    for (const auto& f : split_header(header).fields)
      of_shop += f.name == "DKIM-Signature" && f.whole.find("d=shop.example;") != f.whole.npos;
    return of_shop;
  };
  CHECK(signatures("news.shop.example") == 2);
  CHECK(signatures("other-shop.example") == 0);
}

TEST_CASE("RFC 9477: reports are asked for where both domains sign, and the id is on every copy") {
  namespace auth = smtp::auth;
  consentry::tests::temp_folder folder;
  REQUIRE(auth::create_keys(folder.path(), "shop.example", "s1").has_value());
  const auto sender_only = auth::key_ring::load(folder.path());
  REQUIRE(auth::create_keys(folder.path(), "gw.test", "g1").has_value());
  const auto both = auth::key_ring::load(folder.path());
  auto with_address = settings;
  with_address.feedback_address = "fbl@gw.test";
  const auto content = make_shared_content(
      bulk_message(), "CFBL-Address: thief@else.example\r\n" + simple, settings.rewrite);
  const auto header = [&](const auth::key_ring& keys, const std::string& from = "shop.example",
                          copy_settings s = settings) {
    auto m = bulk_message();
    m.sender_domain = from;
    return copy_header(s, tokens, keys, m, recipient_id{42}, *content, noon);
  };
  const auto h = header(*both, "shop.example", with_address);
  CHECK(value(h, "cfbl-address") == "fbl@gw.test; report=arf");
  CHECK(count(h, "cfbl-address") == 1);
  CHECK(value(h, "cfbl-feedback-id") ==
        tokens.make(recipient_id{42}, smtp::token_purpose::feedback));
  for (const auto& f : split_header(h).fields)
    if (f.name == "DKIM-Signature") {
      CHECK_THAT(ascii_lower(std::string{f.whole}), Contains("cfbl-address"));
      CHECK_THAT(ascii_lower(std::string{f.whole}), Contains("cfbl-feedback-id"));
    }
  // Without the second signature a reporter must not use it; nor without the first.
  CHECK(count(header(*sender_only, "shop.example", with_address), "cfbl-address") == 0);
  CHECK(count(header(*both, "else.example", with_address), "cfbl-address") == 0);
  CHECK(count(header(*both, "shop.example"), "cfbl-address") == 0);
  // Of one's own domain, or above the address's: one signature suffices.
  auto below = with_address;
  below.gateway_domain = "fbl.shop.example";
  below.feedback_address = "x@fbl.shop.example";
  CHECK(count(header(*sender_only, "shop.example", below), "cfbl-address") == 1);
  CHECK(count(header(no_keys), "cfbl-feedback-id") == 1);

  auto notice = bulk_message();
  notice.is_notice = true;
  CHECK(count(header_of(notice, simple, with_address), "cfbl-feedback-id") == 0);
}

TEST_CASE("quoted-printable: known forms") {
  CHECK(quoted_printable("\xc3\xa1rv\xc3\xadz = 1\r\n") == "=C3=A1rv=C3=ADz =3D 1\r\n");
  CHECK(quoted_printable("end \r\nx\t") == "end=20\r\nx=09");
  const auto lines = quoted_printable(std::string(500, 'a') + std::string(100, '\xe1'));
  for (auto line : split(lines, '\n')) CHECK(trim(line).size() <= 76);
}

TEST_CASE("8-bit text becomes quoted-printable, other leaves base64, the rest stays") {
  const std::string mail =
      "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n"
      "Content-Transfer-Encoding: 8bit\r\n\r\n"
      "preamble\r\n--b1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
      "8bit\r\n\r\n\xc3\xa1\r\n--b1\r\nContent-Type: text/plain\r\n\r\nplain  \r\n"
      "--b1\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xff\xfe\r\n"
      "--b1--\r\nepilogue\r\n";
  const auto seven = to_seven_bit(mail);
  REQUIRE(seven);
  CHECK_FALSE(has_eight_bit(*seven));
  CHECK(
      *seven ==
      "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n"
      "Content-Transfer-Encoding: 7bit\r\n\r\n"
      "preamble\r\n--b1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\n=C3=A1\r\n--b1\r\nContent-Type: text/plain\r\n\r\nplain  \r\n"
      "--b1\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n//4=\r\n\r\n"
      "--b1--\r\nepilogue\r\n");
}

TEST_CASE("a bare 8-bit message gets the MIME fields that its encoding needs") {
  const auto seven = to_seven_bit("Subject: x\r\n\r\n\xc3\xa1\r\n");
  REQUIRE(seven);
  CHECK(*seven ==
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nSubject: x\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A1\r\n");
}

TEST_CASE("what cannot be converted without harm is left for 8BITMIME") {
  const std::string tail = "\r\n\xc3\xa1\r\n";
  for (const std::string header :
       {"Content-Type: multipart/signed; boundary=b\r\n", "Content-Type: multipart/mixed\r\n",
        "Content-Type: message/partial\r\n",
        "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n"}) {
    INFO(header);
    CHECK_FALSE(to_seven_bit(header + tail));
    const auto content =
        make_shared_content(bulk_message(), header + tail, message_id_rewrite::none);
    CHECK(content->eight_bit_body);
    CHECK(content->body == "\xc3\xa1\r\n");
  }
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "Content-Type: message/rfc822\r\n\r\n";
  CHECK_FALSE(to_seven_bit(deep + "\r\n\xff\r\n"));
}

TEST_CASE("what is hashed and sent ends with CRLF") {
  const auto content =
      make_shared_content(bulk_message(), "Subject: x\r\n\r\nno end", message_id_rewrite::none);
  CHECK(content->body == "no end\r\n");
  CHECK(make_shared_content(bulk_message(), "Subject: x", message_id_rewrite::none)->header ==
        "Subject: x\r\n");
}
