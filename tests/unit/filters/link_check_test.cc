// Links against the lists of domains, and what is tried to hide them.
#include "filters/link_check.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <iterator>

#include "base/strict_toml.h"
#include "filters/link_host.h"
#include "filters/scanner.h"
#include "tests/unit/filters/shipped.h"

using namespace consentry;
using namespace consentry::filters;

namespace {

url_lists lists() {
  return {.blocked = parse_host_list("evil.test\nbücher.test\n203.0.113.9\n2001:db8::1\n", "b.txt"),
          .shorteners = parse_host_list("bit.ly\nt.co # tweets\n", "s.txt")};
}

std::vector<finding> found_in(std::string_view type, std::string_view body) {
  const auto mail = smtp::mime::walk("From: a@shop.example\r\nContent-Type: " + std::string{type} +
                                     "; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
                                     std::string{body});
  const auto texts = gather_texts(mail, {});
  return check_links(texts, lists());
}

std::string named_in(std::string_view type, std::string_view body) {
  std::string out;
  for (const auto& f : found_in(type, body)) out += (out.empty() ? "" : " ") + f.pattern.substr(5);
  return out;
}

}  // namespace

TEST_CASE("hosts of links as browsers take them") {
  struct row {
    const char* url;
    const char* host;
  };
  for (const row& r : {
           row{"https://bank.hu@evil.test/", "evil.test"},
           row{"https://bank.hu:pw@evil.test:8443?x=@bank.hu", "evil.test"},
           row{"https://bank.hu%40evil.test/", "bank.hu@evil.test"},
           row{"https://EVIL.Test./a", "evil.test"},
           row{"https://evil.test../a", "evil.test"},
           row{"https://%65vil.test/", "evil.test"},
           row{"https:evil.test/", "evil.test"},
           row{"https:/evil.test/", "evil.test"},
           row{"https:///evil.test/", "evil.test"},
           row{"https:\\\\evil.test\\x", "evil.test"},
           row{"//evil.test/x", "evil.test"},
           row{"/\\evil.test", "evil.test"},
           row{"ht\ntp://ev\til.test/", "evil.test"},
           row{" \x01https://evil.test", "evil.test"},
           row{"https://evil.test#@bank.hu/", "evil.test"},
           row{"https://evil.test\\@bank.hu/", "evil.test"},
           row{"https://[2001:db8::1]:80/", "[2001:db8::1]"},
           row{"/path//evil.test", ""},
           row{"mailto:a@evil.test", ""},
           row{"#evil.test", ""},
           row{"", ""},
           row{"https://", ""},
       }) {
    INFO(r.url);
    CHECK(host_of(r.url) == r.host);
  }
}

TEST_CASE("one form for each host") {
  struct row {
    const char* host;
    const char* same;
  };
  for (const row& r : {
           row{"Evil.Test.", "evil.test"},
           row{"ｅｖｉｌ.test", "evil.test"},
           row{"evil。test", "evil.test"},
           row{"ev\u00adil.test", "evil.test"},
           row{"ev\u200bil.test", "evil.test"},
           row{"bücher.test", "xn--bcher-kva.test"},
           row{"BÜCHER.test", "xn--bcher-kva.test"},
           row{"XN--BCHER-KVA.test", "xn--bcher-kva.test"},
           row{"3405803785", "203.0.113.9"},
           row{"0xcb007109", "203.0.113.9"},
           row{"0313.0.0161.011", "203.0.113.9"},
           row{"0xCB.0.0x71.9", "203.0.113.9"},
           row{"203.28937", "203.0.113.9"},
           row{"203.0.28937", "203.0.113.9"},
           row{"203.0.113.9.", "203.0.113.9"},
           row{"２０３.0.113.9", "203.0.113.9"},
           row{"[::ffff:203.0.113.9]", "203.0.113.9"},
           row{"[2001:0DB8:0:0::1]", "[2001:db8::1]"},
           row{"203.0.113.256", "203.0.113.256"},
           row{"1.2.3.4.5", "1.2.3.4.5"},
           row{"08.test", "08.test"},
           row{"0x", "0.0.0.0"},
           row{"", ""},
       }) {
    INFO(r.host);
    CHECK(comparable_host(r.host) == r.same);
  }
}

TEST_CASE("a list covers the domains below its entries, and nothing beside") {
  const auto l = lists();
  for (const char* host : {"evil.test", "a.evil.test", "a.b.c.evil.test"})
    CHECK(l.blocked.find(host) == "evil.test");
  for (const char* host : {"notevil.test", "evil.test.hu", "test", "evil", "", "1203.0.113.9"})
    CHECK(l.blocked.find(host).empty());
  CHECK(l.blocked.find("xn--bcher-kva.test") == "xn--bcher-kva.test");
  CHECK(l.blocked.find("203.0.113.9") == "203.0.113.9");
  CHECK(l.shorteners.find("evil.test").empty());
  CHECK(l.shorteners.find("t.co") == "t.co");
  CHECK(host_list{}.find("evil.test").empty());
}

TEST_CASE("a wrong list is refused with file and line, all errors at once under lint") {
  struct row {
    const char* text;
    const char* says;
  };
  for (const row& r : {
           row{"good.test\nhttps://evil.test/\n",
               "l.txt:2: \"https://evil.test/\" is not a domain"},
           row{"*.evil.test", "l.txt:1: \"*.evil.test\" is not a domain"},
           row{"# all of it\n\nhu\n", "l.txt:3: \"hu\" is a whole top-level domain"},
           row{"a.test\r\nA.TEST.\r\n", "l.txt:2: a.test stands in line 1 already"},
           row{"a.test b.test", "l.txt:1: \"a.test b.test\" is not a domain"},
           row{"a@b.test", "l.txt:1: \"a@b.test\" is not a domain"},
           row{"-a.test", "l.txt:1: \"-a.test\" is not a domain"},
           row{"a..test", "l.txt:1: \"a..test\" is not a domain"},
       }) {
    INFO(r.text);
    CHECK_THROWS_WITH(parse_host_list(r.text, "l.txt"), Catch::StartsWith(r.says));
  }
  toml_problem_collector all;
  parse_host_list("hu\na.test\n*.b.test\n", "l.txt");
  CHECK(all.take().size() == 2);
}

TEST_CASE("the shipped lists are good") {
  const auto folder = tests::pattern_folder().parent_path() / "lists";
  const auto read = [&](const char* name) {
    std::ifstream in{folder / name, std::ios::binary};
    return parse_host_list(std::string{std::istreambuf_iterator<char>{in}, {}}, name);
  };
  const auto shorteners = read("shorteners.txt");
  for (const char* host : {"bit.ly", "tinyurl.com", "t.co", "is.gd"})
    CHECK(shorteners.find(host) == host);
  for (const char* host : {"maps.app.goo.gl", "youtu.be", "google.com", "facebook.com"})
    CHECK(shorteners.find(host).empty());
  CHECK(read("url_blocklist.txt").is_empty());
}

TEST_CASE("links of HTML and text are found on the lists, however they are written") {
  struct row {
    const char* type;
    const char* body;
    const char* found;
  };
  for (const row& r : {
           row{"text/html", "<a href=\"https://evil.test/x\">a</a>", "blocklisted"},
           row{"text/html", "<a href=\"https://bank.hu@evil.test/\">bank.hu</a>", "blocklisted"},
           row{"text/html", "<a href=\"https://ev&#105;l.test/\">a</a>", "blocklisted"},
           row{"text/html", "<a href=\"https://%65%76il.test/\">a</a>", "blocklisted"},
           row{"text/html", "<a href=\"HTTPS:\\\\WWW.EVIL.TEST.\\\">a</a>", "blocklisted"},
           row{"text/html", "<a href=\"ht\ntps://ev\nil.test\">a</a>", "blocklisted"},
           row{"text/html", "<a href=\"https://ｅvil。test/\">a</a>", "blocklisted"},
           row{"text/html", "<a href=\"https://xn--bcher-kva.test/\">a</a>", "blocklisted"},
           row{"text/html", "<a href=\"https://BÜCHER.test/\">a</a>", "blocklisted"},
           row{"text/html", "<a href=\"//0xcb007109/\">a</a>", "blocklisted"},
           row{"text/html", "<a href=\"http://3405803785/\">a</a>", "blocklisted"},
           row{"text/html", "<a href=\"http://[2001:db8:0::1]/\">a</a>", "blocklisted"},
           row{"text/html", "<img src=\"https://a.evil.test/i.png\">", "blocklisted"},
           row{"text/html", "<form action=\"https://evil.test/\"><input></form>", "blocklisted"},
           row{"text/html", "<iframe src=\"https://evil.test/\"></iframe>", "blocklisted"},
           row{"text/html", "<base href=\"https://evil.test/\"><a href=x>a</a>", "blocklisted"},
           row{"text/html", "<button formaction=\"https://evil.test/\">a</button>", "blocklisted"},
           row{"text/html", "<p style=\"background:url(https://evil.test/i)\">a</p>",
               "blocklisted"},
           row{"text/html", "<meta http-equiv=refresh content=\"0;url=https://evil.test\"><p>a</p>",
               "blocklisted"},
           row{"text/html", "<img srcset=\"https://evil.test/i 2x\"><p>a</p>", "blocklisted"},
           row{"text/html", "<p>Type ev<b>il</b>.test into your browser</p>", "blocklisted"},
           row{"text/html", "<p style=\"display:none\">evil.test</p>", "blocklisted"},
           row{"text/html", "<a href=\"https://bank.hu/?to=https%3A%2F%2Fevil.test%2F\">a</a>",
               "blocklisted"},
           row{"text/html", "<a href=\"https://bank.hu/?to=https%253A%252F%252Fevil.test\">a</a>",
               "blocklisted"},
           row{"text/html", "<a href=\"https://bit.ly/3abc\">a</a>", "shortener"},
           row{"text/html", "<a href=\"https://bit.ly/a\">a</a><a href=\"https://bit.ly/b\">b</a>",
               "shortener"},
           row{"text/html", "<a href=\"https://bit.ly/a\">a</a><img src=\"//evil.test/\">",
               "shortener blocklisted"},
           row{"text/plain", "Go to https://evil.test, now", "blocklisted"},
           row{"text/plain", "go to evil.test.", "blocklisted"},
           row{"text/plain", "(www.evil.test)", "blocklisted"},
           row{"text/plain", "bücher.test", "blocklisted"},
           row{"text/plain", "see bit.ly/3abc", "shortener"},
           row{"text/plain", "https://t.co/abc", "shortener"},
           // Not these.
           row{"text/plain", "bit.ly is a service, t.co too", ""},
           row{"text/plain", "write to joe@evil.test", ""},
           row{"text/plain", "https://evil.test@bank.hu/", ""},
           row{"text/plain", "https://bank.hu/evil.test/x", ""},
           row{"text/plain", "notevil.test evil.test.hu evil test", ""},
           row{"text/plain", "Ez a mondat vége.Ez a következő. 3.14 a.b.c", ""},
           row{"text/html", "<a href=\"https://evil.test.bank.hu/\">evil</a>", ""},
           row{"text/html", "<a href=\"mailto:joe@evil.test\">a</a>", ""},
           row{"text/html", "<p>ö.ő</p>", ""},
       }) {
    INFO(r.body);
    CHECK(named_in(r.type, r.body) == r.found);
  }
}

TEST_CASE("a listed link is shown with its place in the original") {
  const std::string body = "<p>x</p><a href=\"https://ev&#105;l.test/a\">click</a>";
  const auto found = found_in("text/html", body);
  REQUIRE(found.size() == 1);
  const auto& f = found[0];
  CHECK(f.category == "url_blocklist");
  CHECK(f.zone == zone::link);
  CHECK(f.part == "0");
  CHECK(body.substr(f.begin, f.end - f.begin) == f.matched);
  CHECK(f.matched == "\"https://ev&#105;l.test/a\"");
  CHECK(f.note == "it leads to evil.test, which is listed");
  CHECK(f.score == 0);
  const auto below = found_in("text/plain", "see a.b.evil.test/x");
  REQUIRE(below.size() == 1);
  CHECK(below[0].matched == "a.b.evil.test");
  CHECK(below[0].note == "it leads to a.b.evil.test, listed as evil.test");
}

TEST_CASE("links in attachments and nested messages are looked at") {
  const auto mail = smtp::mime::walk(
      "From: a@shop.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; "
      "boundary=b\r\n\r\n"
      "--b\r\n\r\nhello there, dear reader\r\n"
      "--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=a.html\r\n\r\n"
      "<a href=\"https://evil.test/\">x</a>\r\n"
      "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nhttps://bit.ly/x\r\n--b--\r\n");
  const auto texts = gather_texts(mail, {});
  std::string parts;
  for (const auto& f : check_links(texts, lists())) parts += f.pattern + "@" + f.part + " ";
  CHECK(parts == "link.blocklisted@2 link.shortener@3.0 ");
}

TEST_CASE("a message of nothing but names takes no time to speak of") {
  std::string body;
  for (int n = 0; n < 40'000; ++n) body += "n" + std::to_string(n) + ".test/ ";
  body += std::string(400'000, '.') + std::string(400'000, 'a') + ".evil.test";
  const auto begin = std::chrono::steady_clock::now();
  const auto found = found_in("text/plain", body);
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(found.size() <= 1);
  CHECK(took < std::chrono::seconds{5});  // quadratic would be minutes
}
