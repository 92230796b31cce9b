// The parts of the public pages that need no store: bodies, limits, proxies, words.
#include <catch2/catch.hpp>
#include <fstream>

#include "app/public/form_body.h"
#include "app/public/page.h"
#include "app/public/page_text.h"
#include "app/public/rate_limit.h"
#include "app/sign_up_template.h"

using namespace consentry;
using namespace consentry::app;
using namespace consentry::app::public_pages;
using std::chrono::seconds;

namespace {

admin::request posted(const std::string& type, const std::string& body) {
  admin::request r;
  r.method = "POST";
  r.headers["content-type"] = type;
  r.content_type = type.substr(0, type.find(';'));
  r.body = body;
  return r;
}

bool is_one_click(const std::string& type, const std::string& body) {
  const auto read = form_body::read(posted(type, body));
  return read && read->says("List-Unsubscribe", "One-Click");
}

std::string part(const std::string& disposition, const std::string& value,
                 const std::string& more = {}) {
  return "--xYz\r\nContent-Disposition: " + disposition + "\r\n" + more + "\r\n" + value + "\r\n";
}

}  // namespace

TEST_CASE("RFC 8058 3.2, RFC 7578: the one field that unsubscribes, and what only looks like it") {
  const std::string url = "application/x-www-form-urlencoded";
  const std::string multi = "multipart/form-data; boundary=xYz";
  const std::string name = "form-data; name=\"List-Unsubscribe\"";
  struct row {
    const char* what;
    std::string type, body;
    bool acts;
  };
  for (const row& r : std::initializer_list<row>{
           {"as sent", url, "List-Unsubscribe=One-Click", true},
           {"with charset", url + "; charset=utf-8", "List-Unsubscribe=One-Click", true},
           {"escaped", url, "List%2dUnsubscribe=One%2DClick", true},
           {"among others", url, "a=b&List-Unsubscribe=One-Click&c", true},
           {"no type", "", "List-Unsubscribe=One-Click", true},
           {"other case", url, "list-unsubscribe=One-Click", false},
           {"longer value", url, "List-Unsubscribe=One-Click ", false},
           {"twice", url, "List-Unsubscribe=One-Click&List-Unsubscribe=One-Click", false},
           {"inside a value", url, "x=List-Unsubscribe%3DOne-Click", false},
           {"empty", url, "", false},
           {"another type", "text/plain", "List-Unsubscribe=One-Click", false},
           {"multipart", multi, part(name, "One-Click") + "--xYz--\r\n", true},
           {"no last line end", multi, part(name, "One-Click") + "--xYz--", true},
           {"quoted boundary", "multipart/form-data; boundary=\"xYz\"",
            part(name, "One-Click") + "--xYz--", true},
           {"unquoted name", multi,
            part("form-data; name=List-Unsubscribe", "One-Click") + "--xYz--", true},
           {"preamble", multi, "hello\r\n" + part(name, "One-Click") + "--xYz--", true},
           {"more header", multi,
            part(name, "One-Click", "Content-Type: text/plain\r\n") + "--xYz--", true},
           {"padded delimiter", multi,
            "--xYz  \r\nContent-Disposition: " + name + "\r\n\r\nOne-Click\r\n--xYz--", true},
           {"the name as text", multi,
            part("form-data; name=\"x\"", "name=\"List-Unsubscribe\" One-Click") + "--xYz--",
            false},
           {"a file", multi, part(name + "; filename=\"a\"", "One-Click") + "--xYz--", false},
           {"not ended", multi, part(name, "One-Click"), false},
           {"no boundary", "multipart/form-data", part(name, "One-Click") + "--xYz--", false},
           {"boundary too long", "multipart/form-data; boundary=" + std::string(71, 'x'), "",
            false},
           {"other boundary", "multipart/form-data; boundary=abc",
            part(name, "One-Click") + "--xYz--", false},
           {"base64", multi,
            part(name, "T25lLUNsaWNr", "Content-Transfer-Encoding: base64\r\n") + "--xYz--", false},
           {"an attachment", multi,
            part("attachment; name=\"List-Unsubscribe\"", "One-Click") + "--xYz--", false},
           {"no header", multi, "--xYz\r\nOne-Click\r\n--xYz--", false},
       }) {
    INFO(r.what);
    CHECK(is_one_click(r.type, r.body) == r.acts);
  }
}

TEST_CASE("a body has a bound on fields, and JSON is flat") {
  std::string many;
  for (std::size_t i = 0; i <= form_body::fields_max; ++i) many += "a=b&";
  CHECK_FALSE(form_body::read(posted("application/x-www-form-urlencoded", many)));
  const auto json = form_body::read(posted(
      "application/json", R"({"address": "a@b.hu", "agree": true, "no": false, "nil": null})"));
  REQUIRE(json);
  CHECK(json->first("address") == "a@b.hu");
  CHECK(json->says("agree", "yes"));
  CHECK_FALSE(json->has("no"));
  for (const auto* bad : {"[]", "{", "{\"a\": {}}", "{\"a\": 1}", ""})
    CHECK_FALSE(form_body::read(posted("application/json", bad)));
}

TEST_CASE("a bucket empties, fills with time, and memory is bounded") {
  rate_limit::clock::time_point now{};
  rate_limit limit{3, seconds{60}, 10};
  for (int i = 0; i < 3; ++i) CHECK(limit.take("a", now));
  CHECK_FALSE(limit.take("a", now));
  CHECK(limit.take("b", now));
  CHECK(limit.take("a", now + seconds{20}));
  CHECK_FALSE(limit.take("a", now + seconds{20}));
  for (int i = 0; i < 3; ++i) CHECK(limit.take("a", now + seconds{300}));
  CHECK_FALSE(limit.take("a", now + seconds{300}));
  for (int i = 0; i < 1000; ++i) {
    limit.take("k" + std::to_string(i), now + seconds{300});
    REQUIRE(limit.keys() <= 10);
  }
}

TEST_CASE("whom a limit counts: IPv4 addresses and IPv6 /64") {
  CHECK(network_of("192.0.2.7") == "192.0.2.7");
  CHECK(network_of("::ffff:192.0.2.7") == "192.0.2.7");
  CHECK(network_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
  CHECK(network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9"));
  CHECK(network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1"));
  CHECK(network_of("") == "");
}

TEST_CASE("X-Forwarded-For is believed only from trusted proxies, from the right") {
  trusted_proxies none, some;
  for (const auto* n : {"127.0.0.1", "10.0.0.0/8", "2001:db8::/33"}) CHECK(some.add(n));
  for (const auto* n : {"10.0.0.0/33", "proxy", "10.0.0.0/", "::1/129", "1.2.3.4/x"})
    CHECK_FALSE(some.add(n));
  struct row {
    const char *peer, *header, *client;
  };
  CHECK(none.client_of("127.0.0.1", "192.0.2.1") == "127.0.0.1");
  for (const row& r : {
           row{"192.0.2.9", "192.0.2.1", "192.0.2.9"},
           row{"127.0.0.1", "192.0.2.1", "192.0.2.1"},
           row{"::ffff:127.0.0.1", "192.0.2.1", "192.0.2.1"},
           row{"127.0.0.1", "6.6.6.6, 192.0.2.1", "192.0.2.1"},
           row{"127.0.0.1", "6.6.6.6, 192.0.2.1 , 10.1.2.3", "192.0.2.1"},
           row{"127.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"},
           row{"127.0.0.1", "", "127.0.0.1"},
           row{"127.0.0.1", "192.0.2.1, unknown", "127.0.0.1"},
           row{"2001:db8:7fff::1", "2001:db9::1", "2001:db9::1"},
           row{"2001:db8:8000::1", "2001:db9::1", "2001:db8:8000::1"},
       }) {
    INFO(r.peer << " " << r.header);
    CHECK(some.client_of(r.peer, r.header) == r.client);
  }
}

TEST_CASE("the language that is liked better") {
  const auto is_english = [](const char* header) {
    return preferred_language(header) == language::english;
  };
  for (const auto* hungarian :
       {"", "*", "hu", "hu-HU,hu;q=0.9,en;q=0.8", "en;q=0.5,hu;q=0.6", "HU"})
    CHECK_FALSE(is_english(hungarian));
  for (const auto* english : {"en", "en-GB, hu;q=0.5", "hu;q=0.3,en;q=0.31", "de"})
    CHECK(is_english(english));
}

TEST_CASE("every word stands in both languages, with the same places to fill") {
  // All members are string_views: compare them as an array.
  constexpr auto count = sizeof(phrases) / sizeof(std::string_view);
  const auto* hu = reinterpret_cast<const std::string_view*>(&words(language::hungarian));
  const auto* en = reinterpret_cast<const std::string_view*>(&words(language::english));
  const auto places = [](std::string_view s) { return s.find("{}") != std::string_view::npos; };
  for (std::size_t i = 0; i < count; ++i) {
    INFO(i << ": " << hu[i] << " / " << en[i]);
    CHECK_FALSE(hu[i].empty());
    CHECK_FALSE(en[i].empty());
    CHECK(places(hu[i]) == places(en[i]));
  }
}

TEST_CASE("what people write is text, never markup") {
  CHECK(escaped("<b a=\"c\" d='e'>&\x01") == "&lt;b a=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
  CHECK(escaped("\xff") == "\xef\xbf\xbd");
  CHECK(paragraphs("one\ntwo\n\n<p>\n") == "<p>one<br>\ntwo</p>\n<p>&lt;p&gt;</p>\n");
}

namespace {

std::string letter(const std::string& body, const std::string& to = "Anna Kiss <anna@one.test>",
                   const std::string& subject = "Please confirm",
                   const std::string& type = "text/plain; charset=utf-8") {
  return "From: Shop <news@shop.test>\r\nTo: " + to + "\r\nSubject: " + subject +
         "\r\nContent-Type: " + type + "\r\n\r\n" + body + "\r\n";
}

std::string text_of(const std::string& mail) {
  return normalized_template(smtp::mime::walk(mail));
}

}  // namespace

TEST_CASE("A2.5.3: what differs from person to person is no part of a template") {
  const auto sample = text_of(letter(
      "Dear Anna Kiss,\r\nconfirm anna@one.test: https://Shop.test/c/a1b2?x=y\r\nCode: X7-99"));
  CHECK(sample ==
        "Subject: Please confirm\n0 text/plain\nDear ~, confirm @: https://shop.test Code: #\n");
  for (const auto& same : {
           letter("Dear Béla,\r\n confirm "
                  "b.nagy+x@two.co.test:\r\nhttps://shop.test/c/zzzz\r\nCode: 1",
                  "=?utf-8?q?B=C3=A9la?= <b@two.test>"),
           letter("Dear Anna Kiss, confirm a@b.hu: https://shop.test  Code: 77"),
       })
    CHECK(text_of(same) == sample);
}

TEST_CASE("A2.5.3: what is added, moved or hidden is seen") {
  const auto sample = text_of(letter("Dear Anna, confirm: https://shop.test/c/1"));
  for (const auto& other : {
           letter("Dear Anna, confirm: https://shop.test/c/1 Half price!"),
           letter("Dear Anna, confirm: https://evil.test/c/1"),
           letter("Dear Anna, confirm: http://shop.test/c/1"),
           letter("Dear Anna, confirm: https://shop.test@evil.test/c/1"),
           letter("Dear Anna, confirm: https://shop.test/sale.png"),
           letter("Dear Anna, confirm: https://shop.test/c/1", "Anna <a@b.hu>", "Half price"),
           letter("Dear Anna, confirm: https://shop.test/c/1", "Anna <a@b.hu>", "Please confirm",
                  "text/html"),
           // What does not look like a name is none.
           letter("Dear Buy now at half price or never, confirm: https://shop.test/c/1",
                  "\"Buy now at half price or never\" <a@b.hu>"),
           letter("Dear Anna, confirm: https://shop.test/c/1 " + std::string(70, '1')),
       })
    CHECK(text_of(other) != sample);
  const std::string multi = "multipart/mixed; boundary=b";
  const auto with_image = [&](const std::string& bytes) {
    return text_of(
        letter("--b\r\nContent-Type: text/plain\r\n\r\nConfirm\r\n--b\r\nContent-Type: "
               "image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
                   bytes + "\r\n--b--",
               "a@b.hu", "x", multi));
  };
  CHECK(with_image("AAAA") == with_image("AAAA"));
  CHECK(with_image("AAAA") != with_image("BBBB"));
}
