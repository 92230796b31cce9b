// Erasures that break off, and what must not be told as gone.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/unit/app/erasure_world.h"

using namespace consentry;
using namespace consentry::app;
using namespace consentry::tests;

TEST_CASE(
    "A2.10: an erasure that was broken off is not told as gone, and the maintenance finishes it") {
  erasure_world w;
  outcome_recorder recorder{w.rooms, w.clock};
  w.give_consent(w.shop, jane, "news", w.clock.now());
  w.name_person(jane, "Jane Doe-Kovacs");
  const auto ended = w.send(letter_to_jane, {jane});
  w.settle(recorder, {ended.value + 1}, app_world::delivered());
  bool fails = true;
  w.hooks.push_back([&](const erased_person& who) -> result<std::uint64_t> {
    if (fails) return failure{.kind = failure_kind::io, .public_text = "the disk is away"};
    CHECK(who.name.is_named_in("Jane Doe-Kovacs"));
    return 1;
  });
  const auto no = erase_person(
      w.parts, {.tenant = w.shop, .address = jane, .reason = "letter", .actor = "desk:eva"});
  REQUIRE(no.has_error());
  const auto record = [&] {
    return w
        .read([&](read_txn& txn) {
          return w.rooms.erasures.find(txn, w.shop, w.person_of(w.shop, jane));
        })
        .value();
  };
  w.maintenance.work().value();
  CHECK_FALSE(record().gone_at.has_value());
  CHECK(w.read([&](read_txn& txn) {
           return w.rooms.erasures.pending(txn).oldest_at_work;
         }).has_value());

  fails = false;
  store_maintenance finishing{
      w.rooms, w.clock, {.reserve_bytes = 0, .share = 1.0, .finish_erasures = [&](instant before) {
                           return resume_erasures(w.parts, before);
                         }}};
  w.clock.advance(std::chrono::minutes{5});
  finishing.work().value();  // somebody may still be at it
  CHECK_FALSE(record().gone_at.has_value());
  w.clock.advance(std::chrono::minutes{11});
  finishing.work().value();
  CHECK(record().gone_at.has_value());
  CHECK(record().at < *record().gone_at);
  CHECK(w.read([&](read_txn& txn) { return w.rooms.erasures.pending(txn).count; }) == 0);
  CHECK(w.files_with("ane.doe").empty());
  CHECK(w.files_with("Jane Doe-Kovacs").empty());
  CHECK(w.events(journal::event_kind::consent_erased).size() == 1);
}

TEST_CASE("an erasure that becomes complete during a maintenance waits for the next one") {
  erasure_world w;
  w.give_consent(w.shop, jane, "news", w.clock.now());
  w.erase();
  std::uint64_t run = 0;
  w.change([&](write_txn& txn) { run = w.rooms.erasures.begin_run(txn); });
  w.give_consent(w.shop, "bob@example.hu", "news", w.clock.now());
  w.erase("bob@example.hu");
  w.change(
      [&](write_txn& txn) { CHECK_FALSE(w.rooms.erasures.settle(txn, run, w.clock.now(), 100)); });
  w.read([&](read_txn& txn) {
    CHECK(w.rooms.erasures.find(txn, w.shop, w.person_of(w.shop, jane))->gone_at);
    CHECK_FALSE(w.rooms.erasures.find(txn, w.shop, w.person_of(w.shop, "bob@example.hu"))->gone_at);
    CHECK(w.rooms.erasures.pending(txn).count == 1);
    return 0;
  });
}

TEST_CASE("two erasures without news keep a row each until they are settled") {
  erasure_world w;
  w.give_consent(w.shop, "x@example.hu", "news", w.clock.now());
  w.erase("x@example.hu");
  w.erase("x@example.hu");
  w.erase(jane);
  w.erase(jane);
  w.erase("bob@example.hu");
  CHECK(w.read([&](read_txn& txn) { return w.rooms.erasures.pending(txn).count; }) == 3);
}

TEST_CASE("D4: bodies that others share are redacted in several commits, whatever their size") {
  erasure_world w;
  const std::string filler(3u << 20, 'z');
  std::vector<message_id> shared;
  for (int i = 0; i < 4; ++i)
    shared.push_back(w.send("To: jane.doe@example.hu, bob@example.hu\r\n\r\n" + filler,
                            {jane, "bob@example.hu"}));
  const auto done = w.erase();
  CHECK(done.redacted == 4);
  CHECK(done.cancelled == 4);
  for (const auto id : shared) {
    CHECK(w.recipient({id.value + 2})->state == queue::recipient_state::queued);
    const auto text = w.rooms.bodies.read(w.message_of({id.value + 1}).body_at).value();
    CHECK(text.size() > filler.size());
    CHECK(text.find("jane") == std::string::npos);
  }
}

TEST_CASE("a folder that cannot be looked at fails the erasure; one that is not there does not") {
  erasure_world w;
  const erased_person who{w.shop, w.person_of(w.shop, jane), {jane, ""}};
  CHECK(blank_below(w.store / "nowhere")(who).value() == 0);
  std::ofstream{w.store / "no_folder"} << "x";
  CHECK(blank_below(w.store / "no_folder")(who).error().kind == failure_kind::io);
  CHECK(blank_below(w.store / "no_folder" / "below")(who).error().kind == failure_kind::io);
}
