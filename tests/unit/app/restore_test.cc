// A restore from an older copy, and the journal off the host replayed into it.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "app/journal_file.h"
#include "app/restore_marker.h"
#include "app/restore_replay.h"
#include "app/store_snapshot.h"
#include "base/text.h"
#include "journal/event_codec.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::app_world;

namespace {

const std::string jane = "jane.doe@example.hu", bob = "bob@example.hu", eve = "eve@example.hu";

// What `consentry journal export` writes.
void export_journal(app_world& w, const std::filesystem::path& file, std::uint64_t from = 1) {
  std::ofstream out{file, std::ios::binary};
  w.read([&](read_txn& txn) {
    const auto before = w.rooms.journal.read(txn, {from - 1});
    out << head_line({from}, before ? before->hash : journal::chain_start);
    for (const auto& e : w.rooms.journal.scan_raw(txn, {from}, 100000))
      out << to_line({e.seq, e.hash, e.encoded});
    return 0;
  });
}

result<replay_report> replay(app_world& w, const std::filesystem::path& file,
                             const std::vector<erasure_hook>& hooks = {}) {
  return replay_journal({.rooms = w.rooms, .clock = w.clock, .hooks = hooks}, file);
}

// A store, a snapshot of it, and what happened afterwards.
struct lost_day {
  consentry::tests::temp_folder folder;
  app_world before;
  tenant_id shop = before.add_tenant("shop");
  outcome_recorder recorder{before.rooms, before.clock};
  std::filesystem::path copy = folder.path() / "copy", journal = folder.path() / "journal";
  message_id janes, bobs, late;
  snapshot_report taken;

  lost_day() {
    for (const auto& a : {jane, bob, eve})
      before.give_consent(shop, a, "news", before.clock.now() - std::chrono::hours{1});
    before.change([&](write_txn& txn) {
      before.rooms.consents.put_person(txn, shop, before.person_of(shop, jane), {jane, "Jane Doe"});
    });
    before.suppress(shop, eve, reputation::suppression_reason::manual);
    janes = before.enqueue(shop, smtp::stream::bulk, {jane});
    bobs = before.enqueue(shop, smtp::stream::bulk, {bob});
    taken = take_snapshot(before.rooms, before.clock, copy, {}).value();
    before.clock.advance(std::chrono::hours{3});
    after_the_copy();
    export_journal(before, journal);
  }
  void after_the_copy() {
    before.settle(recorder, {bobs.value + 1}, app_world::delivered());
    before.change([&](write_txn& txn) {
      before.rooms.tally.record_complaint(txn, {bobs.value + 1}, before.clock.now());
      journal::event e;
      e.kind = journal::event_kind::complained;
      e.at = before.clock.now();
      e.tenant = shop;
      e.recipient = {bobs.value + 1};
      e.person = before.person_of(shop, bob);
      e.facts["counts"] = "yes";
      before.rooms.journal.append(txn, e);
      before.rooms.suppressions
          .remove(txn, shop, before.person_of(shop, eve), "desk:eva", "came back",
                  before.clock.now())
          .value();
    });
    before.suppress(shop, bob, reputation::suppression_reason::complaint);
    before.withdraw(shop, eve, "news");
    before.block(shop, "too many");
    before.set_state(shop, policy::tenants::tenant_state::overdue);
    static const std::vector<erasure_hook> none;
    erase_person({.rooms = before.rooms, .clock = before.clock, .hooks = none},
                 {.tenant = shop, .address = jane, .reason = "letter", .actor = "desk:eva"})
        .value();
    late = before.enqueue(shop, smtp::stream::transactional, {"new@example.hu"});
    before.change([&](write_txn& txn) {
      journal::event e;
      e.kind = journal::event_kind::accepted;
      e.at = before.clock.now();
      e.tenant = shop;
      e.message = late;
      e.facts["recipients"] = "1";
      before.rooms.journal.append(txn, e);
    });
    before.give_consent(shop, "new@example.hu", "news", before.clock.now());
  }
};

void check_replayed(app_world& w, const lost_day& d) {
  w.read([&](read_txn& txn) {
    const auto& ledger = w.rooms.consents;
    CHECK_FALSE(ledger.find_person(txn, d.shop, w.person_of(d.shop, jane)));
    CHECK(ledger.find(txn, w.key_of(d.shop, jane, "news"))->withdrawn_method == "erased");
    CHECK(ledger.find(txn, w.key_of(d.shop, eve, "news"))->is_withdrawn());
    CHECK_FALSE(ledger.find(txn, w.key_of(d.shop, bob, "news"))->is_withdrawn());
    CHECK(ledger.find(txn, w.key_of(d.shop, bob, "news"))->objected_at.has_value());
    CHECK(w.rooms.suppressions.find(txn, d.shop, w.person_of(d.shop, bob), w.clock.now())->reason ==
          reputation::suppression_reason::complaint);
    CHECK_FALSE(w.rooms.suppressions.find(txn, d.shop, w.person_of(d.shop, eve), w.clock.now()));
    CHECK(w.rooms.blocker.standing_of(txn, d.shop).bulk_blocked);
    CHECK(w.rooms.blocker.standing_of(txn, d.shop).cause == "too many");
    CHECK(w.rooms.tenants.find_tenant(txn, d.shop)->state ==
          policy::tenants::tenant_state::overdue);
    const auto sent = w.rooms.tally.find(txn, {d.bobs.value + 1});
    CHECK((sent && sent->delivered && sent->complaints.size() == 1));
    return 0;
  });
  CHECK(w.rooms.blocker.is_bulk_closed(d.shop));
  CHECK(w.recipient({d.bobs.value + 1})->state == queue::recipient_state::delivered);
  CHECK(w.recipient({d.janes.value + 1})->state == queue::recipient_state::cancelled);
  CHECK(w.read([&](read_txn& txn) { return w.rooms.journal.verify(txn).is_whole(); }));
}

}  // namespace

TEST_CASE("A2.8: an older copy is marked, and the replayed journal brings it up to date") {
  lost_day d;
  CHECK(is_marked_restored(d.copy));
  app_world w{d.copy};
  w.clock.set(d.before.clock.now());
  CHECK(w.recipient({d.bobs.value + 1})->state == queue::recipient_state::queued);
  const auto done = replay(w, d.journal).value();
  CHECK(done.from.value == d.taken.journal_last.value + 1);
  CHECK(done.impossible.at("consent_given") == 1);
  check_replayed(w, d);
  CHECK_FALSE(is_marked_restored(d.copy));
  // Numbers of mail that went out since the copy are not given again.
  CHECK(w.enqueue(d.shop, smtp::stream::transactional, {bob}).value > d.late.value + 1);
  CHECK(w.events(journal::event_kind::desk_act).size() == 1);
}

TEST_CASE("a copy that took mail before the replay keeps it, and its history is still known") {
  lost_day d;
  message_id taken;
  {
    app_world w{d.copy};
    begin_restored(w.rooms).value();
    taken = w.enqueue(d.shop, smtp::stream::transactional, {"late@example.hu"});
    w.withdraw(d.shop, bob, "other");
  }
  app_world w{d.copy};
  w.clock.set(d.before.clock.now());
  begin_restored(w.rooms).value();
  CHECK(taken.value > d.late.value + 1000);
  replay(w, d.journal).value();
  check_replayed(w, d);
  CHECK(w.recipient({taken.value + 1})->state == queue::recipient_state::queued);
  // Over: a copy of this store begins anew.
  const auto more = w.enqueue(d.shop, smtp::stream::transactional, {"late@example.hu"});
  begin_restored(w.rooms).value();
  CHECK(w.enqueue(d.shop, smtp::stream::transactional, {bob}).value < more.value + 10);
}

TEST_CASE("a journal replayed twice is harmless") {
  lost_day d;
  app_world w{d.copy};
  w.clock.set(d.before.clock.now());
  replay(w, d.journal).value();
  const auto entries = w.events().size();
  const auto again = replay(w, d.journal).value();
  CHECK_FALSE(again.from);
  CHECK(w.events().size() == entries);
  check_replayed(w, d);
}

TEST_CASE("an erasure that breaks off in a replay is repeated whole by the next, and told once") {
  lost_day d;
  app_world w{d.copy};
  w.clock.set(d.before.clock.now());
  int asked = 0;
  const std::vector<erasure_hook> hooks{[&](const erased_person& who) -> result<std::uint64_t> {
    CHECK(who.name.address() == jane);
    if (asked++ == 0) return failure{.kind = failure_kind::io, .public_text = "the disk is away"};
    return 1;
  }};
  REQUIRE(replay(w, d.journal, hooks).has_error());
  CHECK(is_marked_restored(d.copy));
  CHECK(w.events(journal::event_kind::desk_act).empty());
  // The ledger has forgotten the address with the first commit; the intent has not.
  const auto done = replay(w, d.journal, hooks).value();
  CHECK(asked == 2);
  check_replayed(w, d);
  CHECK_FALSE(is_marked_restored(d.copy));
  CHECK(w.read([&](read_txn& txn) { return w.rooms.erasures.pending(txn).oldest_at_work; }) ==
        std::nullopt);
  const auto told = w.events(journal::event_kind::desk_act);
  REQUIRE(told.size() == 1);
  CHECK(told[0].facts.at("from") == std::to_string(d.taken.journal_last.value + 1));
  CHECK(done.from.value == d.taken.journal_last.value + 1);
}

TEST_CASE("A2.10: the removal of a tenant that came after the copy begins again") {
  for (const bool is_over : {false, true}) {
    consentry::tests::temp_folder folder;
    app_world before;
    const auto shop = before.add_tenant("shop");
    before.give_consent(shop, jane, "news", before.clock.now());
    const auto copy = folder.path() / "copy", file = folder.path() / "journal";
    take_snapshot(before.rooms, before.clock, copy, {}).value();
    before.set_state(shop, policy::tenants::tenant_state::terminated);
    before.change([&](write_txn& txn) {
      journal::event e;
      e.kind = is_over ? journal::event_kind::tenant_removed : journal::event_kind::desk_act;
      e.at = before.clock.now();
      e.tenant = shop;
      e.reason = "asked on the telephone";
      e.actor = "desk:eva";
      if (!is_over) e.facts["act"] = "tenant.erase";
      before.rooms.journal.append(txn, e);
    });
    export_journal(before, file);
    app_world w{copy};
    w.clock.set(before.clock.now());
    replay(w, file).value();
    w.read([&](read_txn& txn) {
      CHECK_FALSE(w.rooms.tenants.find_tenant(txn, shop));
      const auto orders = w.rooms.removals.all(txn);
      REQUIRE(orders.size() == 1);
      CHECK(orders[0].tenant == shop);
      CHECK(orders[0].name == "shop");
      CHECK(orders[0].reason == "asked on the telephone");
      CHECK(orders[0].begun_at <= w.clock.now());
      return 0;
    });
  }
}

TEST_CASE("a journal that begins behind the copy, or of another store, is refused") {
  lost_day d;
  app_world w{d.copy};
  const auto file = d.folder.path() / "part";
  // From the very next entry: it continues the copy's chain.
  export_journal(d.before, file, d.taken.journal_last.value + 1);
  CHECK(replay(w, file).has_value());

  app_world stranger;
  stranger.add_tenant("shop");
  stranger.add_tenant("other");
  const auto no = replay(stranger, d.journal);
  REQUIRE(no.has_error());
  CHECK(no.error().kind == failure_kind::invalid);

  app_world gap;
  export_journal(d.before, file, d.taken.journal_last.value + 2);
  CHECK(replay(gap, file).error().kind == failure_kind::invalid);
}

TEST_CASE("a journal file that was changed is refused with the line") {
  lost_day d;
  std::string text;
  {
    std::ifstream in{d.journal, std::ios::binary};
    text.assign(std::istreambuf_iterator<char>{in}, {});
  }
  const auto check = [&](std::string changed, const char* what) {
    std::ofstream{d.journal, std::ios::binary} << changed;
    auto reader = journal_file_reader::open(d.journal);
    std::string said = reader ? "" : reader.error().public_text;
    for (bool more = reader.has_value(); more;) {
      const auto line = reader->next();
      if (!line) said = line.error().public_text;
      more = line.has_value() && line->has_value();
    }
    CHECK(said.find(what) != std::string::npos);
  };
  const auto third = text.find("{\"seq\":3");
  const auto fourth = text.find("{\"seq\":4");
  auto changed = text;
  changed[text.find("\"event\":\"", third) + 12] ^= 1;
  check(changed, ":4: ");
  check(text.substr(0, third) + text.substr(fourth), "entry 3 is missing");
  check("hello\n", "not an exported journal");
  // Cut off in the middle of a line: the whole ones before it are good.
  std::ofstream{d.journal, std::ios::binary} << text.substr(0, fourth + 20);
  auto reader = journal_file_reader::open(d.journal).value();
  while (reader.next().value()) {
  }
  CHECK(reader.last().value == 3);
  CHECK(reader.bytes_read() == fourth);
}

TEST_CASE("a snapshot holds every body that its database names, and its folder must be new") {
  lost_day d;
  app_world w{d.copy};
  for (const auto id : {d.janes, d.bobs})
    CHECK(w.rooms.bodies.read(w.message_of({id.value + 1}).body_at).value() ==
          "Subject: x\r\n\r\nbody\r\n");
  CHECK(take_snapshot(d.before.rooms, d.before.clock, d.copy, {}).error().kind ==
        failure_kind::conflict);
  CHECK(take_snapshot(d.before.rooms, d.before.clock, "relative", {}).error().kind ==
        failure_kind::invalid);
}
