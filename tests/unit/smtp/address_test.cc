#include "smtp/address.h"

#include <catch2/catch.hpp>

namespace consentry::smtp {

TEST_CASE("mailboxes that are taken, with their key and their domain for DNS") {
  struct row {
    std::string text, key, domain;
  };
  const row rows[] = {
      {"Jane.Doe@Example.HU", "jane.doe@example.hu", "example.hu"},
      {"jane+news@example.hu", "jane+news@example.hu", "example.hu"},
      {"\"jane\"@example.hu", "jane@example.hu", "example.hu"},
      {"\"ja\\ne.x\"@example.hu", "jane.x@example.hu", "example.hu"},
      {"\"Jane Doe\"@example.hu", "\"jane doe\"@example.hu", "example.hu"},
      {"\"a\\\"b\\\\c\"@example.hu", "\"a\\\"b\\\\c\"@example.hu", "example.hu"},
      {"\"a@b\"@example.hu", "\"a@b\"@example.hu", "example.hu"},
      {"\"a..b\"@example.hu", "\"a..b\"@example.hu", "example.hu"},
      {"\"\"@example.hu", "\"\"@example.hu", "example.hu"},
      {"!#$%&'*+-/=?^_`{|}~@example.hu", "!#$%&'*+-/=?^_`{|}~@example.hu", "example.hu"},
      {"a@localhost", "a@localhost", "localhost"},
      {"a@123.com", "a@123.com", "123.com"},
      {"a@xn--rvztr-tsa0cf.HU", "a@xn--rvztr-tsa0cf.hu", "xn--rvztr-tsa0cf.hu"},
      {"a@c--n.com", "a@c--n.com", "c--n.com"},
      {"a@[192.0.2.1]", "a@[192.0.2.1]", "[192.0.2.1]"},
      {"a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"},
      {"a@[IPv6:::ffff:192.0.2.1]", "a@[IPv6:::ffff:192.0.2.1]", "[IPv6:::ffff:192.0.2.1]"},
      {"a@[IPv6:1:2:3:4:5:6:7:8]", "a@[IPv6:1:2:3:4:5:6:7:8]", "[IPv6:1:2:3:4:5:6:7:8]"},
      {"a@[IPv6:1:2:3:4:5:6:192.0.2.1]", "a@[IPv6:1:2:3:4:5:6:192.0.2.1]",
       "[IPv6:1:2:3:4:5:6:192.0.2.1]"},
      {"\u00c1RV\u00cdZT\u0170R\u0150@t\u00fck\u00f6r.hu",
       "\u00e1rv\u00edzt\u0171r\u0151@xn--tkr-tna2a.hu", "xn--tkr-tna2a.hu"},
      // The same letter composed and decomposed is one key.
      {"e\u0301va@example.hu", "\u00e9va@example.hu", "example.hu"},
      // IDNA 2008: sharp s stays itself (IDNA 2003 made it ss).
      {"a@stra\u00dfe.de", "a@xn--strae-oqa.de", "xn--strae-oqa.de"},
  };
  for (const row& r : rows) {
    INFO(r.text);
    const auto m = mailbox::parse(r.text);
    REQUIRE(m.has_value());
    CHECK(m->text() == r.text);
    CHECK(m->key() == r.key);
    CHECK(m->ascii_domain() == r.domain);
    CHECK_FALSE(m->is_null());
  }
}

TEST_CASE("mailboxes that are refused, with the reason shown") {
  using namespace std::string_literals;
  const std::string label63(63, 'a'), local64(64, 'l');
  struct row {
    std::string text, reason;
  };
  const row rows[] = {
      {"", "empty address"},
      {"jane", "address without @"},
      {"@example.hu", "address without a local part"},
      {"jane@", "address without a domain"},
      {".jane@example.hu", "local part with a dot at its end or two together"},
      {"jane.@example.hu", "local part with a dot at its end or two together"},
      {"ja..ne@example.hu", "local part with a dot at its end or two together"},
      {"ja ne@example.hu", "local part with a character that must be quoted"},
      {"jane@x@example.hu", "domain with a character other than letters, digits, hyphens"},
      {"jane@(c)example.hu", "domain with a character other than letters, digits, hyphens"},
      {"(c)jane@example.hu", "local part with a character that must be quoted"},
      {"Jane <jane@example.hu>", "local part with a character that must be quoted"},
      {"\"jane@example.hu", "quoted local part is not closed"},
      {"\"jane\\\"@example.hu", "quoted local part is not closed"},
      {"\"a\".\"b\"@example.hu", "quoted local part is followed by something else than @"},
      {"\"jane\\\u00e9\"@example.hu", "quoted local part is not closed"},
      {"\"jane\"", "address without @"},
      {"jane@example..hu", "domain with an empty label"},
      {"jane@example.hu.", "domain with an empty label"},
      {"jane@-example.hu", "domain label begins or ends with a hyphen"},
      {"jane@example-.hu", "domain label begins or ends with a hyphen"},
      {"jane@exa_mple.hu", "domain with a character other than letters, digits, hyphens"},
      {"jane@" + label63 + "a.hu", "domain label longer than 63 octets"},
      {local64 + "l@example.hu", "local part longer than 64 octets"},
      {"a@" + label63 + "." + label63 + "." + label63 + "." + label63,
       "address longer than 254 octets"},
      {"jane\r\n@example.hu", "address with a control character"},
      {"jane@example.hu\n", "address with a control character"},
      {"ja\0ne@example.hu"s, "address with a control character"},
      {"jane\x7f@example.hu", "address with a control character"},
      {"jane\u0085@example.hu", "address with a control character"},
      {"jane\u2028@example.hu", "address with a control character"},
      {"jane\xff@example.hu", "address is not valid UTF-8"},
      {"jane\xc0\xae@example.hu", "address is not valid UTF-8"},
      // An ideographic full stop is no dot, though the mapping of UTS 46 would make it one.
      {"jane@t\u00fck\u00f6r\u3002hu", "domain label is no valid internationalized name"},
      {"jane@\u2603\u200d.hu", "domain label is no valid internationalized name"},
      {"jane@[192.0.2]", "domain is no valid address literal"},
      {"jane@[192.0.2.256]", "domain is no valid address literal"},
      {"jane@[192.0.2.01]", "domain is no valid address literal"},
      {"jane@[192.0.2.1", "domain is no valid address literal"},
      {"jane@[IPv6:1:2:3:4:5:6:7]", "domain is no valid address literal"},
      {"jane@[IPv6:1::2::3]", "domain is no valid address literal"},
      {"jane@[IPv6::1]", "domain is no valid address literal"},
      {"jane@[IPv6:12345::1]", "domain is no valid address literal"},
      {"jane@[IPv6:1:2:3:4:5:6::8]", "domain is no valid address literal"},
      {"jane@[2001:db8::1]", "domain is no valid address literal"},
      {"jane@[tag:anything]", "domain is no valid address literal"},
  };
  for (const row& r : rows) {
    INFO(r.text);
    const auto m = mailbox::parse(r.text);
    REQUIRE_FALSE(m.has_value());
    CHECK(m.error().public_text == r.reason);
    CHECK(m.error().kind == failure_kind::invalid);
    CHECK(m.error().permanent);
  }
}

TEST_CASE("the longest local part, label and address are taken") {
  const std::string label63(63, 'a'), local64(64, 'l');
  CHECK(mailbox::parse(local64 + "@example.hu").has_value());
  CHECK(mailbox::parse("a@" + label63 + ".hu").has_value());
  const std::string domain = label63 + "." + label63 + "." + std::string(61, 'b');
  REQUIRE((local64 + "@" + domain).size() == 254);
  CHECK(mailbox::parse(local64 + "@" + domain).has_value());
}

TEST_CASE("non-ASCII mailboxes need SMTPUTF8") {
  CHECK(mailbox::parse("jane@example.hu", false).has_value());
  CHECK(mailbox::parse("jane@example.hu")->is_ascii());
  CHECK_FALSE(mailbox::parse("\u00e9va@example.hu", false).has_value());
  CHECK_FALSE(mailbox::parse("eva@t\u00fck\u00f6r.hu", false).has_value());
  CHECK_FALSE(mailbox::parse("\u00e9va@example.hu")->is_ascii());
  CHECK_FALSE(mailbox::parse("eva@t\u00fck\u00f6r.hu")->is_ascii());
}

TEST_CASE("the null reverse path is a mailbox without text or key") {
  const mailbox null;
  CHECK(null.is_null());
  CHECK(null.text().empty());
  CHECK(null.key().empty());
}

TEST_CASE("a key parses to itself") {
  for (const char* text :
       {"Jane.Doe@Example.HU", "\"A B\"@x.hu", "\u0130\u00c9@x.hu", "\"A\\\\b\"@x.hu"}) {
    INFO(text);
    const auto key = mailbox::parse(text)->key();
    const auto again = mailbox::parse(key);
    REQUIRE(again.has_value());
    CHECK(again->key() == key);
  }
}

TEST_CASE("host names become lower-case A-labels") {
  CHECK(*ascii_domain("MX1.Example.HU") == "mx1.example.hu");
  CHECK(*ascii_domain("t\u00dcK\u00f6r.hu") == "xn--tkr-tna2a.hu");
  CHECK_FALSE(ascii_domain("").has_value());
  CHECK_FALSE(ascii_domain("a b.hu").has_value());
  CHECK_FALSE(ascii_domain("[192.0.2.1]").has_value());
}

}  // namespace consentry::smtp
