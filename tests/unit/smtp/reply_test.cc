#include "smtp/reply.h"

#include <catch2/catch.hpp>

namespace consentry::smtp {

TEST_CASE("replies as servers send them") {
  struct row {
    std::vector<std::string> lines;
    int code;
    std::string enhanced, text;
  };
  const row rows[] = {
      {{"250 2.1.5 Ok"}, 250, "2.1.5", "Ok"},
      {{"250"}, 250, "", ""},
      {{"250 "}, 250, "", ""},
      {{"354 go on"}, 354, "", "go on"},
      {{"550-5.7.1 first", "550 5.7.1 last"}, 550, "5.7.1", "first\nlast"},
      {{"550-first", "550 5.7.1 last"}, 550, "5.7.1", "first\nlast"},
      {{"250-mx.example.hu", "250-SIZE 1000", "250 PIPELINING"},
       250,
       "",
       "mx.example.hu\nSIZE 1000\nPIPELINING"},
      {{"220 1.2.3 is my name"}, 220, "", "1.2.3 is my name"},
      {{"250 5.1.1 odd"}, 250, "", "5.1.1 odd"},
      {{"550 2.0.0 odd"}, 550, "", "2.0.0 odd"},
      {{"552 4.2.2 full"}, 552, "4.2.2", "full"},
      {{"550 5.1.1"}, 550, "5.1.1", ""},
      {{"550 5.1.1234 x"}, 550, "", "5.1.1234 x"},
      {{"585 5.1.1 x"}, 585, "5.1.1", "x"},
  };
  for (const row& r : rows) {
    INFO(r.lines.front());
    const auto p = parse_reply(r.lines);
    REQUIRE(p);
    CHECK(p->code == r.code);
    CHECK(to_string(p->enhanced) == r.enhanced);
    CHECK(p->text == r.text);
    CHECK_FALSE(p->close);
  }
  CHECK(parse_reply({"421 4.3.2 bye"})->close);
}

TEST_CASE("what is no reply") {
  const std::vector<std::string> rows[] = {
      {},
      {""},
      {"25"},
      {"abc ok"},
      {"150 early"},
      {"600 x"},
      {"250-open"},
      {"250 a", "250 b"},
      {"250-a", "251 b"},
      {"2500 x"},
      {"250:x"},
      {"HTTP/1.1 400"},
      {"250-a",
       "250"
       "-b"},
  };
  for (const auto& lines : rows) {
    INFO((lines.empty() ? std::string{} : lines.front()));
    CHECK_FALSE(parse_reply(lines));
  }
}

TEST_CASE("replies as they go over the wire") {
  CHECK(to_wire({550, {5, 7, 1}, "first\nlast"}) == "550-5.7.1 first\r\n550 5.7.1 last\r\n");
  CHECK(to_wire({354, {}, "go on"}) == "354 go on\r\n");
  CHECK(to_wire({250, {}, ""}) == "250 \r\n");
  // Nothing a stranger put into a text may begin a line of its own.
  CHECK(to_wire({550, {5, 1, 1}, "no\r250 yes\x01"}) == "550 5.1.1 no 250 yes \r\n");
}

TEST_CASE("long lines are cut to 512 octets, between characters") {
  std::string text;
  while (text.size() < 600) text += "\u0151";
  const auto wire = to_wire({550, {5, 7, 1}, text});
  CHECK(wire.size() <= 512);
  CHECK(wire.size() >= 510);
  CHECK(static_cast<unsigned char>(wire[wire.size() - 3]) == 0x91);
}

TEST_CASE("a reply survives the wire") {
  const reply r{452, {4, 5, 3}, "too many\nrecipients"};
  const auto back = parse_reply({"452-4.5.3 too many", "452 4.5.3 recipients"});
  REQUIRE(back);
  CHECK(back->text == r.text);
  CHECK(back->enhanced == r.enhanced);
  CHECK(to_string(*back) == "452 4.5.3 too many recipients");
}

TEST_CASE("enhanced codes") {
  CHECK(to_string(*parse_enhanced_code("5.7.515")) == "5.7.515");
  for (const char* s :
       {"", "5", "5.7", "3.1.1", "5.7.1.1", "5..1", "5.7.1000", "5.7.1 ", "a.b.c", "55.1.1"}) {
    INFO(s);
    CHECK_FALSE(parse_enhanced_code(s));
  }
}

}  // namespace consentry::smtp
