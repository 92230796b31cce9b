#include "smtp/auth/key_text.h"

#include <catch2/catch.hpp>

using namespace consentry;
using namespace consentry::smtp::auth;

TEST_CASE("keys from a text", "[key_text]") {
  const auto keys = key_text::parse(
      "# comment\n"
      "; another\n"
      "\n"
      "s1._domainkey.Example.hu. 300 IN TXT \"v=DKIM1; \" \"p=AA\"\r\n"
      "s2._domainkey.example.hu TXT \"v=DKIM1; p=BB\"\n"
      "s3._domainkey.example.hu v=DKIM1; k=rsa; p=CC\n"
      "s4._domainkey.example.hu: \\\n  v=DKIM1; \\\n  p=DD\n"
      "s5._domainkey.example.hu IN TXT ( \"v=DKIM1; \"\n  \"p=EE\" )\n"
      "s2._domainkey.example.hu TXT \"v=DKIM1; k=ed25519; p=FF\"\n"
      "s6._domainkey.example.hu: TEMPERROR\n"
      "s7._domainkey.example.hu: PERMERROR\n");
  REQUIRE(keys.has_value());
  const auto of = [&](const char* s) {
    return *(*keys)(std::string{s} + "._domainkey.example.hu");
  };
  CHECK(of("s1") == std::vector<std::string>{"v=DKIM1; p=AA"});
  CHECK(of("s2") == std::vector<std::string>{"v=DKIM1; p=BB", "v=DKIM1; k=ed25519; p=FF"});
  CHECK(of("s3") == std::vector<std::string>{"v=DKIM1; k=rsa; p=CC"});
  CHECK(of("s4") == std::vector<std::string>{"v=DKIM1; p=DD"});
  CHECK(of("s5") == std::vector<std::string>{"v=DKIM1; p=EE"});
  CHECK_FALSE((*keys)("s6._domainkey.example.hu").error().permanent);
  CHECK((*keys)("s7._domainkey.example.hu").error().permanent);
  CHECK((*keys)("s9._domainkey.example.hu").error().kind == failure_kind::not_found);
  CHECK((*keys)("S3._domainkey.EXAMPLE.hu").has_value());

  CHECK(key_text::parse("").has_value());
  CHECK(key_text::parse("a TXT p=1\nname.only\n").error().public_text == "line 2: no key record");
  CHECK_FALSE(key_text::parse("name TXT \"unclosed").has_value());
}

TEST_CASE("line ends become CRLF", "[key_text]") {
  CHECK(to_crlf("a\nb\r\nc\rd") == "a\r\nb\r\nc\r\nd\r\n");
  CHECK(to_crlf("\n\n") == "\r\n\r\n");
  CHECK(to_crlf("") == "");
}
