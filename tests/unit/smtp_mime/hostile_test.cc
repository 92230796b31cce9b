// Input written to hang or exhaust a parser: each ends soon, bounded, and says that not all was
// read. Time is not asserted (no test depends on wall-clock speed); what is quadratic runs into the
// time limit of the test.
#include <catch2/catch.hpp>

#include "smtp/mime/header_text.h"
#include "smtp/mime/mime_walk.h"
#include "smtp/mime/transfer_decoding.h"

namespace mime = consentry::smtp::mime;

namespace {

std::string repeated(std::string_view what, std::size_t times) {
  std::string out;
  out.reserve(what.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += what;
  return out;
}

std::size_t decoded_bytes(const mime::walked_message& m) {
  std::size_t out = 0;
  for (const auto& p : m.parts) out += p.body.size() + p.text.size();
  return out;
}

}  // namespace

TEST_CASE("100,000 nested multiparts", "[hostile]") {
  std::string message;
  for (int i = 0; i < 100'000; ++i) {
    const std::string b = std::to_string(i);
    message += "Content-Type: multipart/mixed; boundary=" + b + "\n\n--" + b + "\n";
  }
  const auto m = mime::walk(message);
  CHECK(m.unscannable);
  CHECK(m.parts.size() <= 30);
}

TEST_CASE("100,000 nested messages", "[hostile]") {
  const auto m = mime::walk(repeated("Content-Type: message/rfc822\n\n", 100'000));
  CHECK(m.unscannable);
  CHECK(m.parts.size() <= 30);
}

TEST_CASE("long header lines and many folds", "[hostile]") {
  const std::string tail = "\nContent-Type: text/plain\n\ntext";
  const std::string messages[] = {
      "Subject: " + std::string(4 << 20, 'x') + tail,
      "Subject: x" + repeated("\n x", 400'000) + tail,
      repeated("X: y\n", 400'000) + "\ntext",
      "Subject: " + repeated("=?utf-8?Q?", 400'000) + tail,
      "Subject: " + repeated("=?", 2'000'000) + tail,
      "Content-Type: text/plain; " + repeated("a*0*=b;", 500'000) + "\n\ntext",
      "Content-Type: text/plain; x=\"" + std::string(4 << 20, '\\') + "\n\ntext",
      "Content-Type: text/plain " + std::string(4 << 20, '(') + "\n\ntext",
      "Content-Type: multipart/mixed; boundary=" + std::string(1 << 20, 'b') + "\n\ntext",
  };
  for (const auto& message : messages) {
    const auto m = mime::walk(message);
    CHECK(m.unscannable);
    std::size_t header_bytes = 0;
    for (const auto& h : m.headers) header_bytes += h.raw.size() + h.text.size();
    CHECK(header_bytes < (2u << 20));
  }
}

TEST_CASE("100,000 parts, and as many boundary lines that are none", "[hostile]") {
  const std::string head = "Content-Type: multipart/mixed; boundary=b\n\n";
  const auto m = mime::walk(head + repeated("--b\n\nx\n", 100'000));
  CHECK(m.unscannable);
  CHECK(m.parts.size() == 1000);
  const auto near = mime::walk(head + repeated("--bx\n", 1'000'000));
  CHECK(near.unscannable);
  const auto odd = mime::walk(repeated(" \n", 2'000'000));
  CHECK(odd.problems.size() <= 100);
}

TEST_CASE("decoding stays within its bounds", "[hostile]") {
  mime::walk_limits limits;
  limits.decoded_bytes_max = 1000;
  std::string message = "Content-Type: multipart/mixed; boundary=b\n\n";
  for (int i = 0; i < 10; ++i) message += "--b\n\n" + std::string(300, 'x') + "\n";
  const auto m = mime::walk(message, limits);
  CHECK(m.unscannable);
  CHECK(decoded_bytes(m) <= 2 * limits.decoded_bytes_max);

  limits = {};
  limits.message_bytes_max = 100;
  CHECK(mime::walk(std::string(1000, 'x'), limits).unscannable);

  // Quadratic if the rest were looked through at every padding, or at every false start.
  CHECK(mime::decode_base64(repeated("QQ==", 1'000'000), 8 << 20).bytes.size() == 1'000'000);
  CHECK(mime::decode_quoted_printable(repeated("=", 4'000'000), 8 << 20).bytes.size() <= 4'000'000);
  CHECK_FALSE(mime::has_uuencode_block(repeated("begin 644 a\n", 300'000)));
  bool ok = true;
  mime::parse_address_list(repeated("(", 1'000'000), ok);
  CHECK_FALSE(ok);
  mime::parse_address_list(repeated("a:", 300'000), ok);
  CHECK_FALSE(ok);
}
