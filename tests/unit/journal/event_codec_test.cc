#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/civil_date.h"
#include "base/text.h"
#include "journal/event_codec.h"
#include "journal/event_json.h"

using namespace consentry;
using namespace consentry::journal;

namespace {

event full_event() {
  return {.kind = event_kind::refused,
          .at = *parse_timestamp("2024-03-15T10:00:00.250Z"),
          .tenant = {7},
          .message = {1000},
          .recipient = {1002},
          .stream = smtp::stream::bulk,
          .person = std::string(16, '\x01'),
          .campaign = "spring",
          .topic = "news",
          .reason = "consent.expired",
          .rule = "A3",
          .policy_version = "v3",
          .actor = "smtp:crm-1",
          .commitment = std::string(32, '\x02'),
          .facts = {{"last_day", "2024-03-14"}, {"credential", "crm-1"}}};
}

}  // namespace

TEST_CASE("an event comes back as it was stored") {
  const auto empty = event{.kind = event_kind::accepted};
  const auto before_1970 = event{.kind = event_kind::held, .at = from_ms(-5)};
  for (const auto& e : {full_event(), empty, before_1970}) CHECK(decode_event(encode(e)) == e);
}

TEST_CASE("the stored form does not change between versions of the program") {
  // A journal written by an earlier build must stay readable: if this fails, the format was broken.
  const event e{.kind = event_kind::refused,
                .at = from_ms(1000),
                .tenant = {3},
                .reason = "r",
                .facts = {{"a", "b"}}};
  CHECK(hex(encode(e)) ==
        "01020102d00f02010309017"
        "20e0401610162");
}

TEST_CASE("a later program's fields and kinds do not stop this one") {
  auto bytes = encode(full_event());
  bytes += byte_writer{}.varint(99).text("from the future").varint(1234567).text("").bytes();
  CHECK(decode_event(bytes) == full_event());
  bytes[1] = static_cast<char>(200);
  CHECK(to_string(decode_event(bytes).kind) == "unknown");
}

TEST_CASE("what is not an event is refused") {
  const auto good = encode(full_event());
  for (std::size_t n = 0; n + 1 < good.size(); ++n) {
    // Cut at a field's end it is a shorter event; elsewhere it must not decode or crash.
    try {
      decode_event(std::string_view{good}.substr(0, n));
    } catch (const decode_error&) {
    }
  }
  const auto head = byte_writer{}.u8(1).u8(1).bytes();
  const struct {
    const char* why;
    std::string bytes;
  } wrong[] = {
      {"empty", ""},
      {"version", byte_writer{}.u8(2).u8(1).bytes()},
      {"length beyond the end", head + "\x07\x7f"},
      {"person of 15 bytes", head + byte_writer{}.varint(6).text(std::string(15, 'p')).bytes()},
      {"field twice", head + byte_writer{}.varint(7).text("a").varint(7).text("b").bytes()},
      {"tenant beyond 32 bits",
       head + byte_writer{}.varint(2).text(byte_writer{}.varint(1ULL << 32).bytes()).bytes()},
      {"text beyond its bound",
       head + byte_writer{}.varint(9).text(std::string(1025, 'x')).bytes()},
      {"too long", head + std::string(event_bytes_max, 'x')},
  };
  for (const auto& w : wrong) {
    INFO(w.why);
    CHECK_THROWS_AS(decode_event(w.bytes), decode_error);
  }
}

TEST_CASE("what strangers say is cut to the bounds and still decodes") {
  event e{.kind = event_kind::bounced, .reason = std::string(5000, 'x')};
  std::string accents;
  for (int i = 0; i < 1000; ++i) accents += "é";
  e.facts["reply"] = accents + "z";
  e.facts["odd"] = "x" + accents;
  for (int i = 0; i < 200; ++i) e.facts["z" + std::to_string(i)] = std::string(2000, '\x80');
  const auto back = decode_event(encode(e));
  CHECK(back.reason.size() == event_text_bytes_max);
  CHECK(back.facts.size() == event_facts_max);
  CHECK(back.facts.at("odd").size() == 1023);
  CHECK(is_valid_utf8(back.facts.at("odd")));
  CHECK(encode(e).size() < event_bytes_max);
}

TEST_CASE("every kind has a name that parses back") {
  int named = 0;
  for (int n = 0; n < 256; ++n) {
    const auto kind = static_cast<event_kind>(n);
    if (to_string(kind) == "unknown") continue;
    ++named;
    CHECK(parse_event_kind(to_string(kind)) == kind);
  }
  CHECK(named == 40);
  CHECK_FALSE(parse_event_kind("unknown"));
}

TEST_CASE("operators read an event as JSON") {
  CHECK(
      boost::json::serialize(to_json(entry{.seq = {9}, .what = full_event()})) ==
      R"({"seq":9,"kind":"refused","at":"2024-03-15T10:00:00.250Z","tenant":7,"message":")" +
          to_string(message_id{1000}) + R"(","recipient":")" + to_string(recipient_id{1002}) +
          R"(","stream":"bulk","person":"01010101010101010101010101010101","campaign":"spring",)" +
          R"("topic":"news","reason":"consent.expired","rule":"A3","policy_version":"v3",)" +
          R"("actor":"smtp:crm-1","commitment":")" + hex(std::string(32, '\x02')) +
          R"(","facts":{"credential":"crm-1","last_day":"2024-03-14"},"hash":")" +
          std::string(64, '0') + R"("})");
  const event odd{.kind = event_kind::bounced, .facts = {{"reply", "caf\xe9"}}};
  CHECK(is_valid_utf8(boost::json::serialize(to_json(odd))));
}
