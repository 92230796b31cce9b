#include "base/text.h"

#include <catch2/catch.hpp>

#include "base/ascii_text.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/secret.h"

using namespace consentry;

TEST_CASE("base64 and base32 as RFC 4648 prints them") {
  const char* plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
  const char* b64[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  const char* b32[] = {"", "my", "mzxq", "mzxw6", "mzxw6yq", "mzxw6ytb", "mzxw6ytboi"};
  for (int i = 0; i < 7; ++i) {
    CHECK(base64(plain[i]) == b64[i]);
    CHECK(parse_base64(b64[i]) == std::string{plain[i]});
    CHECK(base32(plain[i]) == b32[i]);
    CHECK(parse_base32(b32[i]) == std::string{plain[i]});
  }
  CHECK(parse_base32("MZXW6YTBOI") == std::string{"foobar"});
  for (const char* bad : {"Zg=", "Zg", "Zh==", "Z===", "Zm9v====", "Zm 9v", "====", "Zg==Zg=="})
    CHECK_FALSE(parse_base64(bad).has_value());
  for (const char* bad : {"m", "mz1w6", "mzxw6=", "mz"}) CHECK_FALSE(parse_base32(bad).has_value());
  for (std::size_t n = 0; n < 40; ++n) {
    const auto bytes = random_bytes(n);
    CHECK(parse_base64(base64(bytes)) == bytes);
    CHECK(parse_base32(base32(bytes)) == bytes);
    CHECK(parse_hex(hex(bytes)) == bytes);
  }
}

TEST_CASE("UTF-8 is judged strictly") {
  for (const char* good : {"", "plain", "árvíztűrő", "\xf0\x9f\x98\x80", "\xef\xbf\xbf"})
    CHECK(is_valid_utf8(good));
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88", "\xc3"})
    CHECK_FALSE(is_valid_utf8(bad));
  CHECK(to_valid_utf8("a\xff z") == "a\xef\xbf\xbd z");
  CHECK(is_valid_utf8(to_valid_utf8("\xc3\xc3\x28\xa0\xa1")));
}

TEST_CASE("printable text shows what would hide") {
  CHECK(printable("a\r\nb\x01\xff") == "a\\x0d\\x0ab\\x01\\xff");
  CHECK(printable("abcdef", 3) == "abc...");
}

TEST_CASE("records survive the round trip and say when they end early") {
  byte_writer w;
  w.u8(7)
      .be16(65535)
      .be32(1)
      .be64(~0ULL)
      .varint(0)
      .varint(300)
      .varint(~0ULL)
      .zigzag(-5)
      .zigzag(1LL << 62)
      .text("x")
      .flag(true);
  byte_reader r{w.bytes()};
  CHECK(r.u8() == 7);
  CHECK(r.be16() == 65535);
  CHECK(r.be32() == 1);
  CHECK(r.be64() == ~0ULL);
  CHECK(r.varint() == 0);
  CHECK(r.varint() == 300);
  CHECK(r.varint() == ~0ULL);
  CHECK(r.zigzag() == -5);
  CHECK(r.zigzag() == 1LL << 62);
  CHECK(r.text() == "x");
  CHECK(r.flag());
  CHECK(r.at_end());
  for (std::size_t cut = 0; cut < w.bytes().size(); ++cut) {
    const auto read_all = [&] {
      byte_reader s{std::string_view{w.bytes()}.substr(0, cut)};
      s.u8(), s.be16(), s.be32(), s.be64(), s.varint(), s.varint(), s.varint(), s.zigzag(),
          s.zigzag(), s.text(), s.flag();
    };
    CHECK_THROWS_AS(read_all(), decode_error);
  }
  byte_reader endless{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"};
  CHECK_THROWS_AS(endless.varint(), decode_error);
}

TEST_CASE("strangers' bytes are shown as ASCII, and cut") {
  CHECK(printable_ascii("v=spf1 -all") == "v=spf1 -all");
  CHECK(printable_ascii("a\x1b[2J\n\"\xc3\xa1\xff") == "a\\x1b[2J\\x0a\"\\xc3\\xa1\\xff");
  CHECK(printable_ascii(std::string(300, 'x'), 10) == "xxxxxxxxxx...");
  CHECK(is_printable_ascii(" ~"));
  for (const char* bad : {"\x1f", "\x7f", "\x80", "\xc3\xa1"}) CHECK_FALSE(is_printable_ascii(bad));
}

TEST_CASE("ids print and parse") {
  CHECK(to_string(message_id{1}) == "m0000001");
  CHECK(to_string(recipient_id{32}) == "r0000010");
  for (std::uint64_t n : {1ULL, 31ULL, 32ULL, 1ULL << 40, ~0ULL}) {
    CHECK(parse_message_id(to_string(message_id{n})) == message_id{n});
    CHECK(parse_recipient_id(to_string(recipient_id{n})) == recipient_id{n});
  }
  for (const char* bad : {"", "m", "r0000001", "m000000u", "mzzzzzzzzzzzzzz", "M0000001"})
    CHECK_FALSE(parse_message_id(bad));
}
