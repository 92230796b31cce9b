#include "smtp/server/line_reader.h"

#include <catch2/catch.hpp>

#include "base/text.h"

using namespace consentry;
using namespace consentry::smtp::server;

namespace {

// "line:NOOP", "bare", "bad", "long", joined by "|"; the input comes in pieces of that size.
std::string read_lines(std::string_view in, std::size_t piece) {
  line_reader reader;
  std::string out;
  while (!in.empty()) {
    const auto space = reader.space();
    const auto n = std::min({piece, in.size(), space.size()});
    in.copy(space.data(), n);
    in.remove_prefix(n);
    reader.arrived(n);
    for (;;) {
      const auto line = reader.next();
      if (line.what == command_line::kind::need_more) break;
      if (!out.empty()) out += '|';
      switch (line.what) {
        case command_line::kind::line:
          out += "line:" + std::string{line.text};
          break;
        case command_line::kind::bare_newline:
          out += "bare";
          break;
        case command_line::kind::bad_octet:
          out += "bad";
          break;
        default:
          out += "long";
          break;
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("only CRLF ends a command, however the octets arrive") {
  const std::string nul{"A\0B\r\nC\r\n", 8};
  const std::string longest = std::string(line_reader::line_bytes_max - 2, 'x');
  const struct {
    std::string in, expected;
  } rows[] = {
      {"NOOP\r\nQUIT\r\n", "line:NOOP|line:QUIT"},
      {"\r\n", "line:"},
      {"NOOP", ""},
      {"NOOP\r", ""},
      {"A\nB\r\nC\r\n", "bare|line:C"},
      {"A\nB\nC\r\nD\r\n", "bare|bare|line:D"},
      {"\n\r\nD\r\n", "bare|line:D"},
      {"\n\n\n", "bare|bare|bare"},
      {"A\rB\r\nC\r\n", "bad|line:C"},
      {"A\r\r\nC\r\n", "bad|line:C"},
      {nul, "bad|line:C"},
      {longest + "\r\nC\r\n", "line:" + longest + "|line:C"},
      {longest + "x\r\nC\r\n", "long|line:C"},
      {std::string(100'000, 'x') + "\r\nC\r\n", "long|line:C"},
      {std::string(100'000, 'x') + "\nEVIL\r\nC\r\n", "bare|line:C"},
      {"A\n" + std::string(100'000, 'x') + "\r\nC\r\n", "bare|line:C"},
      {"A\n" + std::string(100'000, 'x') + "\nB\r\nC\r\n", "bare|bare|line:C"},
  };
  for (const auto& r : rows) {
    CAPTURE(printable(r.in, 60));
    for (const std::size_t piece : {1, 2, 3, 7, 1000, 16384, 1 << 20})
      REQUIRE(read_lines(r.in, piece) == r.expected);
  }
}

TEST_CASE("raw octets and lines share the buffer") {
  line_reader reader;
  const std::string_view in = "BDAT 3\r\na\nbNOOP\r\n";
  in.copy(reader.space().data(), in.size());
  reader.arrived(in.size());
  CHECK(reader.next().text == "BDAT 3");
  CHECK(reader.buffered() == "a\nbNOOP\r\n");
  reader.consume(3);
  CHECK(reader.next().text == "NOOP");
  CHECK(reader.buffered().empty());
}
