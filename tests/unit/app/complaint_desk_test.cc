#include "app/complaint_desk.h"

#include <catch2/catch.hpp>

#include "app/desk_board.h"
#include "tests/unit/app/complaint_world.h"

using namespace consentry;
using namespace consentry::app;
using namespace consentry::tests;
using journal::event_kind;

namespace {

desk_decision at(const complaint_world& w, std::string reason = "read it") {
  return {.actor = "desk:dora", .reason = std::move(reason), .at = w.clock.now()};
}

result<decided_report> confirm(complaint_world& w, journal_seq number,
                               std::optional<recipient_id> about = {},
                               std::string reason = "read it") {
  std::optional<result<decided_report>> out;
  w.change([&](write_txn& txn) {
    out.emplace(
        confirm_report(txn, w.rooms, complaint_world::small().rules, number, about, at(w, reason)));
  });
  return *out;
}

}  // namespace

TEST_CASE("RULES C2: a person confirms with a reason, which then counts once and may block") {
  complaint_world w;
  const auto r = w.deliver(w.shop, 900);
  const recipient_id second{r.value + 1};
  w.report(forged(r), unproven);
  const auto first_report = w.last.numbers.at(0);
  w.report(forged(second), unproven);
  const auto second_report = w.last.numbers.at(0);
  CHECK(w.complaints_of(w.shop) == 0);

  CHECK(confirm(w, first_report, {}, " ").error().kind == failure_kind::invalid);
  CHECK(confirm(w, first_report, second).error().kind == failure_kind::conflict);
  CHECK(confirm(w, journal_seq{4711}).error().kind == failure_kind::not_found);
  CHECK(w.complaints_of(w.shop) == 0);

  const auto done = confirm(w, first_report);
  REQUIRE(done.has_value());
  CHECK(done->counts);
  CHECK_FALSE(done->blocks);
  CHECK(done->report.state == report_state::confirmed);
  CHECK(w.complaints_of(w.shop) == 1);
  const auto e = w.events(event_kind::complained).back();
  CHECK(e.actor == "desk:dora");
  CHECK(e.reason == "read it");
  CHECK(e.facts.at("counts") == "yes");
  CHECK(confirm(w, first_report).error().kind == failure_kind::conflict);
  CHECK(w.complaints_of(w.shop) == 1);

  const auto tripped = confirm(w, second_report);  // C2 N900
  REQUIRE(tripped.has_value());
  CHECK(tripped->blocks);
  CHECK(w.rooms.blocker.is_bulk_closed(w.shop));

  // Proven by now, and so the same complaint.
  w.report(abuse(second));
  CHECK(w.counted() == "duplicate");
}

TEST_CASE("a rejected report counts nothing and is decided for good") {
  complaint_world w;
  const auto r = w.deliver(w.shop, 2);
  w.report(forged(r), unproven);
  const auto number = w.last.numbers.at(0);
  std::optional<result<decided_report>> out;
  w.change([&](write_txn& txn) { out.emplace(reject_report(txn, w.rooms, number, at(w))); });
  REQUIRE(out->has_value());
  CHECK((*out)->report.state == report_state::rejected);
  CHECK(confirm(w, number).error().kind == failure_kind::conflict);
  CHECK(w.complaints_of(w.shop) == 0);
  CHECK(w.events(event_kind::desk_act).back().facts.at("act") == "complaint.reject");
}

TEST_CASE("a person says whose mail a report without a token is about, or tells of a call") {
  complaint_world w;
  const auto r = w.deliver(w.shop, 3);
  w.report({.type = "none", .why_not = "no feedback report in it"});
  const auto number = w.last.numbers.at(0);
  CHECK(confirm(w, number).error().kind == failure_kind::invalid);
  CHECK(confirm(w, number, recipient_id{99'999}).error().kind == failure_kind::invalid);
  REQUIRE(confirm(w, number, r).has_value());
  CHECK(w.complaints_of(w.shop) == 1);
  CHECK(w.read([&](read_txn& txn) { return w.rooms.reports.find(txn, number); })->tenant == w.shop);

  const recipient_id other{r.value + 1};
  const auto tell = [&](const char* channel) {
    std::optional<result<decided_report>> out;
    w.change([&](write_txn& txn) {
      out.emplace(record_told_complaint(txn, w.rooms, complaint_world::small().rules, other,
                                        channel, at(w, "called us")));
    });
    return *out;
  };
  CHECK(tell("By Phone").error().kind == failure_kind::invalid);
  const auto told = tell("phone");
  REQUIRE(told.has_value());
  CHECK(told->counts);
  CHECK(told->report.channel == "phone");
  CHECK(w.complaints_of(w.shop) == 2);
  const auto person = w.person_of(w.shop, "spring1@one.test");
  CHECK(newest_mail_to(w.rooms, person, "").value() == other);
  CHECK_FALSE(newest_mail_to(w.rooms, person, "autumn").value());
}

TEST_CASE("a confirmed report counts as of when it came, not of when it was read") {
  complaint_world w;
  const auto r = w.deliver(w.shop, 2);
  w.clock.advance(std::chrono::days{90});
  w.report(forged(r), unproven);
  const auto number = w.last.numbers.at(0);
  w.clock.advance(std::chrono::days{3});
  const auto done = confirm(w, number);
  REQUIRE(done.has_value());
  CHECK(done->counts);
}

TEST_CASE("RULES C7: more than two percent of a day's reports lead nowhere: told once") {
  complaint_world w;
  const auto r = w.deliver(w.shop, 60);
  for (std::uint64_t i = 0; i < 49; ++i) w.report(abuse(recipient_id{r.value + i}));
  CHECK_FALSE(w.last.alarm);
  w.report({.type = "abuse", .suppresses = true, .why_not = "no token of ours in it"});
  CHECK_FALSE(w.last.alarm);  // 1 of 50 is two percent
  w.report({.type = "none", .why_not = "a letter is no report"});
  CHECK_FALSE(w.last.alarm);
  w.report({.type = "abuse", .suppresses = true, .why_not = "no token of ours in it"});
  REQUIRE(w.last.alarm);
  CHECK(w.last.alarm->unattributed == 2);
  CHECK(w.last.alarm->reports == 51);
  w.report({.type = "abuse", .suppresses = true, .why_not = "no token of ours in it"});
  CHECK_FALSE(w.last.alarm);
  w.clock.advance(std::chrono::days{1});
  w.report({.type = "abuse", .suppresses = true, .why_not = "no token of ours in it"});
  CHECK(w.last.alarm);
}

TEST_CASE("an erased person is in no report any more") {
  complaint_world w;
  const auto r = w.deliver(w.shop, 1);
  const report_arrival arrival{
      .channel = "abuse",
      .from = "spring0@one.test",
      .mail_from = "spring0@one.test",
      .packed_raw = packed_report("From: spring0@one.test\r\n\r\nhello\r\n"),
      .at = w.clock.now()};
  recorded_reports done;
  w.change([&](write_txn& txn) {
    done = record_reports(txn, w.rooms, complaint_world::small().rules, {forged(r)}, unproven,
                          arrival, 2);
  });
  const erased_person who{.tenant = w.shop,
                          .person = w.person_of(w.shop, "spring0@one.test"),
                          .name = {"spring0@one.test", ""}};
  CHECK(hook_for_reports(w.rooms)(who).value() == 1);
  const auto left =
      w.read([&](read_txn& txn) { return w.rooms.reports.find(txn, done.numbers.at(0)); }).value();
  CHECK(left.raw().find("spring0") == std::string::npos);
  CHECK(left.from.find("spring0") == std::string::npos);
  CHECK(left.mail_from.find("spring0") == std::string::npos);
  CHECK(left.recipient == r);
}

TEST_CASE("a decided report is a closed case, and one that was told of never opens") {
  complaint_world w;
  const auto r = w.deliver(w.shop, 3);
  w.report(forged(r), unproven);
  const auto number = w.last.numbers.at(0);
  w.report(forged(recipient_id{r.value + 1}), unproven);
  const auto other = w.last.numbers.at(0);
  desk_board board;
  const auto look = [&] {
    while (!board.catch_up(w.rooms.env, w.rooms.journal).value()) {
    }
    return board.cases();
  };
  CHECK(look().size() == 2);
  REQUIRE(confirm(w, number).has_value());
  w.change([&](write_txn& txn) { REQUIRE(reject_report(txn, w.rooms, other, at(w)).has_value()); });
  w.change([&](write_txn& txn) {
    REQUIRE(record_told_complaint(txn, w.rooms, complaint_world::small().rules,
                                  recipient_id{r.value + 2}, "phone", at(w))
                .has_value());
  });
  const auto cases = look();
  CHECK(cases.size() == 3);
  for (const auto& c : cases) CHECK_FALSE(c.is_open);
  CHECK(board.find(number)->acts.back().actor == "desk:dora");
}
