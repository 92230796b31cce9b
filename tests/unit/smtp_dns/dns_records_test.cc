#include "smtp/dns/records.h"

#include <catch2/catch.hpp>

namespace consentry::smtp::dns {

using namespace std::string_literals;

TEST_CASE("MX records off the wire") {
  CHECK(parse_mx("\x00\x0a\x03mx1\x07"
                 "Example\x02hu\x00"s) == mx_record{10, "mx1.example.hu"});
  CHECK(parse_mx("\xff\xff\x01_\x00"s) == mx_record{65535, "_"});
  CHECK(parse_mx("\x00\x00\x00"s) == mx_record{0, ""});

  const std::string bad[] = {
      ""s,
      "\x00"s,
      "\x00\x0a"s,
      "\x00\x0a\x03mx1"s,       // no root label
      "\x00\x0a\x05mx1\x00"s,   // a label that reaches over the end
      "\x00\x0a\x03mx1\x00x"s,  // something behind
      "\x00\x0a\xc0\x0c"s,      // compression pointer
      "\x00\x0a\x40" + std::string(64, 'a') + "\x00"s,
      "\x00\x0a\x04m x1\x00"s,
      "\x00\x0a\x04m.x1\x00"s,  // a dot inside a label would name another host
      "\x00\x0a\x04m\nx1\x00"s,
      "\x00\x0a\x04m\x00x1\x00"s,
  };
  for (const auto& rdata : bad) CHECK_FALSE(parse_mx(rdata));

  std::string long_name = "\x00\x0a"s;
  for (int i = 0; i < 5; ++i) long_name += "\x3f" + std::string(63, 'a');
  CHECK_FALSE(parse_mx(long_name + "\x00"s));
}

TEST_CASE("TXT records off the wire") {
  CHECK(parse_txt("\x05v=one"s) == "v=one");
  CHECK(parse_txt("\x03v=o\x02ne"s) == "v=one");
  CHECK(parse_txt("\x00"s) == "");
  CHECK_FALSE(parse_txt(""s));
  CHECK_FALSE(parse_txt("\x06v=one"s));
}

TEST_CASE("addresses off the wire") {
  CHECK(parse_a("\xc0\x00\x02\x01"s) == "192.0.2.1");
  CHECK_FALSE(parse_a("\xc0\x00\x02"s));
  CHECK_FALSE(parse_a("\xc0\x00\x02\x01\x01"s));
  CHECK(parse_aaaa("\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01"s) == "2001:db8::1");
  CHECK_FALSE(parse_aaaa("\xc0\x00\x02\x01"s));
}

}  // namespace consentry::smtp::dns
