#include "smtp/mime/transfer_decoding.h"

#include <catch2/catch.hpp>

#include "base/secret.h"
#include "base/text.h"

namespace mime = consentry::smtp::mime;

TEST_CASE("base 64, well-formed and not", "[transfer_decoding]") {
  struct row {
    std::string encoded;
    std::string bytes;
    bool is_odd;
    bool in_doubt;
  };
  const row rows[] = {
      {"", "", false, false},
      {"aGVsbG8=", "hello", false, false},
      {"aGVs\r\nbG8=\r\n", "hello", false, false},
      {"aGVsbG8", "hello", false, false},
      {"aGVs*bG8=", "hello", true, false},
      {"aGVsbG8=\r\naGVsbG8=\r\n", "hellohello", true, false},
      {"aGVsbG8=\r\n_____\r\na list footer\r\n", "hello", true, true},
      {"aGVsbG8=\r\nfooter", "hello", true, true},
      {"aA==aGk=", "hhi", true, false},
      {"aGVsb", "hel", true, false},
      {"{}", "", true, false},
  };
  for (const auto& r : rows) {
    INFO(r.encoded);
    const auto out = mime::decode_base64(r.encoded, 1000);
    CHECK(out.bytes == r.bytes);
    CHECK(out.problem.empty() == !r.is_odd);
    CHECK(out.in_doubt == r.in_doubt);
  }
  for (std::size_t n = 0; n < 200; ++n) {
    const std::string bytes = consentry::random_bytes(n);
    CHECK(mime::decode_base64(consentry::base64(bytes), 1000).bytes == bytes);
  }
  CHECK(mime::decode_base64("aGVsbG8=", 3).bytes == "hel");
  CHECK(mime::decode_base64("aGVsbG8=", 3).in_doubt);
}

TEST_CASE("quoted-printable keeps words apart", "[transfer_decoding]") {
  const std::pair<std::string, std::string> rows[] = {
      {"a=C5=91b",
       "a\xc5\x91"
       "b"},
      {"a=c5=91", "a\xc5\x91"},
      {"soft=\r\nbreak", "softbreak"},
      {"soft=\nbreak", "softbreak"},
      {"soft= \t\r\nbreak", "softbreak"},
      {"word \r\nword", "word \r\nword"},  // mimetic makes "wordword" of it
      {"hard\r\nbreak\n", "hard\r\nbreak\n"},
      {"50=% off", "50=% off"},
      {"==41", "=A"},
      {"end=", "end"},
      {"end=4", "end=4"},
  };
  for (const auto& [encoded, bytes] : rows) {
    INFO(encoded);
    CHECK(mime::decode_quoted_printable(encoded, 1000).bytes == bytes);
  }
  CHECK(mime::decode_quoted_printable("12345", 3).in_doubt);
}

TEST_CASE("uuencode", "[transfer_decoding]") {
  const std::string block = "begin 644 test.txt\n+:&5L;&\\@=V]R;&0`\n`\nend\n";
  CHECK(mime::decode_uuencode(block, 1000).bytes == "hello world");
  CHECK(mime::decode_uuencode("text before\r\n" + block, 1000).bytes == "hello world");
  CHECK(mime::decode_uuencode("no block", 1000).in_doubt);
  CHECK(mime::decode_uuencode("begin 644 x\n+:&5L;&\\@=V]R;&0`\n", 1000).in_doubt);
  CHECK(mime::has_uuencode_block("hi\n" + block));
  CHECK_FALSE(mime::has_uuencode_block("we begin 644 things\nand more"));
  CHECK_FALSE(mime::has_uuencode_block("begin 644 things\nlower case text that is no data"));
}
