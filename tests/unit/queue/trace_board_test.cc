#include "queue/trace_board.h"

#include <catch2/catch.hpp>

#include "queue/site_replies.h"
#include "queue/suspensions.h"
#include "queue/working_set.h"
#include "tests/unit/queue/store_fixture.h"

using namespace consentry;
using namespace consentry::queue;
using namespace consentry::queue::tests;
using namespace std::chrono_literals;

namespace {

struct looked_at {
  manual_clock clock{noon};
  trace_board board{clock};
  queued_message m = bulk_message();
  queued_recipient r = to("anna", "a.example");
  std::string path = path_name("mx.a.example", "default");

  looked_at() {
    m.id.value = 1;
    r.id.value = 2;
    r.message = m.id;
  }
  std::vector<std::string> texts(std::uint64_t watch) {
    std::vector<std::string> out;
    const auto page = board.fetch(watch, 1000).value();
    for (const auto& l : page.lines) {
      const char* who = l.who == trace_line::by::us     ? "> "
                        : l.who == trace_line::by::them ? "< "
                                                        : "* ";
      out.push_back(who + l.text);
    }
    return out;
  }
};

smtp::reply said(int code, std::string text) {
  return {.code = code, .enhanced = {}, .text = std::move(text)};
}

}  // namespace

TEST_CASE("a trace shows commands and replies, of the content only its size", "[operations]") {
  looked_at l;
  CHECK(l.board.tap(l.m, l.r, l.path) == nullptr);  // nobody looks
  const auto watch = l.board.watch({.tenant = tenant_id{7}});
  const auto tap = l.board.tap(l.m, l.r, l.path);
  REQUIRE(tap);
  tap->noted("connecting");
  tap->received(said(220, "hello"));
  tap->sent("AUTH PLAIN AGFubmEAc2VjcmV0\r\n");
  tap->received(said(235, "ok"));
  tap->sent("MAIL FROM:<x@gw.test>\r\nRCPT TO:<anna@a.example>\r\nDATA\r\n");
  tap->received(said(250, "ok"));
  tap->received(said(250, "ok"));
  tap->received(said(354, "go on"));
  tap->sent("Subject: secret\r\n\r\nMAIL FROM:<not@a.command>\r\n");
  tap->sent(".\r\n");
  tap->received(said(250, "queued"));
  tap->sent("MAIL FROM:<y@gw.test>\r\nBDAT 12 LAST\r\nsecret\r\nmore");
  tap->sent("RSET\r\n");
  CHECK(l.texts(watch) ==
        std::vector<std::string>{"* connecting", "< 220 hello", "> AUTH (not shown)", "< 235 ok",
                                 "> MAIL FROM:<x@gw.test>", "> RCPT TO:<anna@a.example>", "> DATA",
                                 "< 250 ok", "< 250 ok", "< 354 go on", "* message of 49 octets",
                                 "< 250 queued", "> MAIL FROM:<y@gw.test>", "> BDAT 12 LAST",
                                 "> RSET"});
  CHECK(l.texts(watch).empty());
}

TEST_CASE("a watch has its filter, its bound and its end", "[operations]") {
  looked_at l;
  const auto of = [&](trace_filter f) {
    const auto watch = l.board.watch(std::move(f));
    const bool is_seen = l.board.tap(l.m, l.r, l.path) != nullptr;
    l.board.end(watch);
    return is_seen;
  };
  CHECK(of({.address = "ANNA@a.example"}));
  CHECK_FALSE(of({.address = "bela@a.example"}));
  CHECK(of({.message = message_id{1}}));
  CHECK_FALSE(of({.message = message_id{2}}));
  CHECK(of({.site = "mx.a.example"}));
  CHECK_FALSE(of({.site = "mx.b.example"}));
  CHECK(of({.campaign = "autumn", .domain = "a.example"}));
  CHECK_FALSE(of({.tenant = tenant_id{8}}));

  const auto watch = l.board.watch({.tenant = tenant_id{7}});
  const auto tap = l.board.tap(l.m, l.r, l.path);
  for (std::size_t i = 0; i < trace_board::lines_max + 5; ++i) tap->noted("x");
  auto page = l.board.fetch(watch, 10);
  CHECK(page->lines.size() == 10);
  CHECK(page->dropped == 5);
  CHECK(l.board.fetch(watch, 10)->dropped == 0);
  l.clock.advance(trace_board::forgotten_after + 1s);
  CHECK(l.board.tap(l.m, l.r, l.path) == nullptr);
  CHECK_FALSE(l.board.fetch(watch, 10));
  tap->noted("the watch is gone, the delivery goes on");
  for (std::size_t i = 0; i < trace_board::watches_max; ++i) CHECK(l.board.watch({}) != 0);
  CHECK(l.board.watch({}) == 0);
}

TEST_CASE("the last reply of each site is kept, the longest silent site goes first",
          "[operations]") {
  site_replies last{2};
  last.note({.site = "a", .at = noon, .text = "451 later"});
  last.note({.site = "b", .at = noon + 1s, .text = "250 ok"});
  last.note({.site = "a", .at = noon + 2s, .text = std::string(1000, 'x')});
  CHECK(last.find("a")->text.size() == site_replies::text_bytes_max);
  last.note({.site = "c", .at = noon + 3s, .text = "421 no"});
  CHECK_FALSE(last.find("b"));
  const auto all = last.latest(10);
  REQUIRE(all.size() == 2);
  CHECK(all[0].site == "c");
  CHECK(all[1].site == "a");
}

TEST_CASE("what is stopped by hand stays stopped over a restart", "[operations]") {
  consentry::tests::temp_folder folder;
  {
    store_on q{folder.path()};
    suspensions stops{q.env};
    CHECK(stops.takes_mail());
    CHECK_FALSE(stops.stops("mx.a", "default"));
    q.commits
        .run([&](write_txn& txn) {
          stops.put(txn, {.what = suspended::site, .name = "mx.a", .reason = "they asked"});
          stops.put(txn, {.what = suspended::intake, .reason = "move"});
        })
        .value();
    stops.reload(q.env.begin_read());
    CHECK(stops.stops("mx.a", "default"));
  }
  store_on q{folder.path()};
  suspensions stops{q.env};
  CHECK(stops.stops("mx.a", "other"));
  CHECK_FALSE(stops.stops("mx.b", "default"));
  CHECK_FALSE(stops.takes_mail());
  REQUIRE(stops.list().size() == 2);
  CHECK(stops.list()[1].reason == "they asked");
  q.commits
      .run([&](write_txn& txn) {
        CHECK(stops.erase(txn, suspended::intake, ""));
        CHECK_FALSE(stops.erase(txn, suspended::site, "mx.b"));
        stops.put(txn, {.what = suspended::source, .name = "new"});
      })
      .value();
  stops.reload(q.env.begin_read());
  CHECK(stops.takes_mail());
  CHECK(stops.stops("mx.b", "new"));
}
