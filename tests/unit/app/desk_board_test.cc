#include "app/desk_board.h"

#include <catch2/catch.hpp>

#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::app_world;
using journal::event;
using journal::event_kind;

namespace {

struct board_world : app_world {
  desk_board board;

  journal_seq append(event e) {
    e.at = clock.now();
    journal_seq seq;
    change([&](write_txn& txn) { seq = rooms.journal.append(txn, e); });
    return seq;
  }
  void act(journal_seq number, const std::string& what, const std::string& text) {
    event e{.kind = event_kind::desk_act, .reason = text, .actor = "desk:dora"};
    e.facts = {{"what", "case." + what}, {"case", std::to_string(number.value)}};
    append(e);
  }
  void look() {
    for (;;) {
      const auto done = board.catch_up(rooms.env, rooms.journal);
      REQUIRE(done.has_value());
      if (*done) return;
    }
  }
};

event complaint(tenant_id tenant, const std::string& type = "abuse") {
  event e{.kind = event_kind::complained, .tenant = tenant};
  e.facts = {{"feedback_type", type}, {"counts", "yes"}};
  return e;
}

}  // namespace

TEST_CASE("a case is a complaint, and what the desk did with it") {
  board_world w;
  const auto one = w.append(complaint({1}));
  const auto praise = w.append(complaint({1}, "not-spam"));
  w.act(one, "note", "asked them");
  w.act(one, "close", "answered");
  w.act({999}, "close", "of nothing");
  w.look();
  const auto c = w.board.find(one);
  REQUIRE(c);
  CHECK_FALSE(c->is_open);
  REQUIRE(c->acts.size() == 2);
  CHECK(c->acts[0].text == "asked them");
  CHECK(c->acts[1].actor == "desk:dora");
  CHECK_FALSE(w.board.find(praise)->is_open);  // nobody has to answer it
  w.act(one, "reopen", "they wrote again");
  w.look();
  CHECK(w.board.find(one)->is_open);
  // A decision about the report behind it is an answer, and the end.
  auto confirmed = complaint({1}, "fraud");
  confirmed.facts["act"] = "complaint.confirm";
  confirmed.facts["report"] = std::to_string(one.value);
  w.append(confirmed);
  w.look();
  CHECK_FALSE(w.board.find(one)->is_open);
  CHECK(w.board.find(one)->acts.back().what == "confirm");
  CHECK(w.board.cases().size() == 2);
  w.act(one, "reopen", "by mistake");
  event rejected{.kind = event_kind::desk_act, .reason = "a newsletter of theirs"};
  rejected.facts = {{"act", "complaint.reject"}, {"report", std::to_string(one.value)}};
  w.append(rejected);
  w.look();
  CHECK_FALSE(w.board.find(one)->is_open);
  CHECK(w.board.find(one)->acts.back().what == "reject");
  event letter{.kind = event_kind::desk_act, .reason = "a letter"};
  letter.facts = {{"what", "case.open"}, {"from", "authority"}};
  const auto two = w.append(letter);
  w.look();
  CHECK(w.board.find(two)->fact("from") == "authority");
  CHECK(w.board.cases().size() == 3);
}

TEST_CASE("minutes count what happened in them, and a new board comes to the same") {
  board_world w;
  for (int minute = 0; minute < 3; ++minute) {
    for (int n = 0; n <= minute; ++n) w.append({.kind = event_kind::delivered, .tenant = {1}});
    w.clock.advance(std::chrono::minutes{1});
  }
  w.look();
  desk_board again;
  while (!*again.catch_up(w.rooms.env, w.rooms.journal)) {
  }
  for (const auto* board : {&w.board, &again}) {
    const auto minutes = board->minutes(10);
    REQUIRE(minutes.size() == 3);
    for (std::size_t n = 0; n < 3; ++n) CHECK(minutes[n].counts[3] == n + 1);
    CHECK(board->minutes(1).size() == 1);
  }
}

TEST_CASE("news of one tenant are its own, and never a complaint (RULES D5)") {
  board_world w;
  w.look();
  const auto before = w.board.last();
  w.append({.kind = event_kind::delivered, .tenant = {1}});
  w.append({.kind = event_kind::held, .tenant = {2}});
  w.append(complaint({1}));
  w.look();
  const auto all = w.board.since(before, {});
  CHECK(all.kinds.at("delivered") == 1);
  CHECK(all.kinds.at("held") == 1);
  CHECK(all.kinds.at("complained") == 1);
  CHECK(all.tenants.size() == 2);
  const auto own = w.board.since(before, {1});
  CHECK(own.kinds.size() == 1);
  CHECK(own.tenants == std::set<tenant_id>{{1}});
  CHECK(w.board.since(own.last, {1}).kinds.empty());
}
