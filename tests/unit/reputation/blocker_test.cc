#include "reputation/blocker.h"

#include <catch2/catch.hpp>

#include "reputation/tally.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::reputation;
using journal::event_kind;

namespace {

const instant noon = from_ms(1'700'000'000'000);
const tenant_id acme{1};

struct world {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 16u << 20}};
  journal::event_journal journal{env};
  blocker blocks{env, journal};

  template <class F>
  auto write(F f, bool commit = true) {
    auto txn = env.begin_write();
    auto r = f(txn);
    if (commit) txn.commit();
    return r;
  }
  bool trip(bool commit = true) {
    return write(
        [&](write_txn& txn) {
          return blocks.block_for_ratio(txn, acme,
                                        {.verdict = standing_verdict::block,
                                         .by_campaign = true,
                                         .campaign = "spring",
                                         .count = {900, 2}},
                                        noon);
        },
        commit);
  }
  result<standing> unblock(std::string_view who, std::string_view why, bool resets = true) {
    return write([&](write_txn& txn) {
      return blocks.unblock(txn, acme, who, why, noon + std::chrono::hours{1}, resets);
    });
  }
  standing now() { return blocks.standing_of(env.begin_read(), acme); }
};

}  // namespace

TEST_CASE("a tripped tenant is closed at once, durably, with its figures told") {
  world w;
  const auto gate = w.blocks.gate_of(acme);
  CHECK_FALSE(gate->load());
  CHECK_FALSE(w.blocks.is_bulk_closed(acme));
  CHECK(w.trip());
  CHECK(gate->load());
  CHECK(w.blocks.is_bulk_closed(acme));
  CHECK_FALSE(w.blocks.is_bulk_closed({2}));
  CHECK(w.now() == standing{.bulk_blocked = true,
                            .epoch = 1,
                            .since = noon,
                            .cause = "complaint ratio: 2 on 900 delivered of campaign spring",
                            .actor = "gateway"});
  const auto told = w.journal.tail(w.env.begin_read(), 10);
  REQUIRE(told.size() == 1);
  CHECK(told[0].what.kind == event_kind::standing_changed);
  CHECK(told[0].what.tenant == acme);
  CHECK(told[0].what.campaign == "spring");
  CHECK(told[0].what.facts == std::map<std::string, std::string>{{"complaints", "2"},
                                                                 {"delivered", "900"},
                                                                 {"epoch", "1"},
                                                                 {"floor", "1000"},
                                                                 {"from", "open"},
                                                                 {"to", "bulk_blocked"}});
}

TEST_CASE("the gate is closed already when the transaction is still open") {
  world w;
  auto txn = w.env.begin_write();
  w.blocks.block_for_ratio(txn, acme, {.verdict = standing_verdict::block}, noon);
  CHECK(w.blocks.is_bulk_closed(acme));
}

TEST_CASE("after a restart the gate is closed again") {
  tests::temp_folder folder;
  const auto reopened = [&](auto f) {
    store_env env{{.folder = folder.path() / "store", .map_size = 16u << 20}};
    journal::event_journal journal{env};
    blocker blocks{env, journal};
    auto txn = env.begin_write();
    f(blocks, txn);
    txn.commit();
  };
  reopened([](blocker& b, write_txn& txn) {
    b.block_for_ratio(txn, {7}, {.verdict = standing_verdict::block}, noon);
  });
  reopened([](blocker& b, write_txn& txn) {
    CHECK(b.is_bulk_closed({7}));
    CHECK_FALSE(b.is_bulk_closed({6}));
    CHECK(b.blocked(txn) == std::vector<tenant_id>{{7}});
    REQUIRE(b.unblock(txn, {7}, "desk:anna", "list cleaned", noon).has_value());
  });
  reopened([](blocker& b, write_txn&) { CHECK_FALSE(b.is_bulk_closed({7})); });
}

TEST_CASE("a second trip changes nothing and tells nothing") {
  world w;
  CHECK(w.trip());
  CHECK_FALSE(w.trip());
  CHECK_FALSE(w.write([&](write_txn& txn) {
                 return w.blocks.block(txn, acme, "desk:anna", "also by hand", noon);
               }).value());
  CHECK(w.now().actor == "gateway");
  CHECK(w.journal.tail(w.env.begin_read(), 10).size() == 1);
}

TEST_CASE("a dropped block stays closed until it is certain that it was dropped") {
  world w;
  w.trip(false);
  w.blocks.refresh(w.env.begin_read(), acme);
  CHECK(w.blocks.is_bulk_closed(acme));  // it might still be on its way to the disk
  w.write([&](write_txn& txn) { return w.journal.append(txn, {.kind = event_kind::desk_act}); });
  w.blocks.refresh(w.env.begin_read(), acme);
  CHECK_FALSE(w.blocks.is_bulk_closed(acme));
  CHECK(w.now() == standing{});
}

TEST_CASE("the answer to an unblock does not open the gate that a later block has closed") {
  world w;
  w.trip();
  REQUIRE(w.unblock("desk:anna", "list cleaned").has_value());
  {
    // Between the unblock's commit and its refresh, on the writer's thread, the tenant trips again.
    auto txn = w.env.begin_write();
    w.blocks.block_for_ratio(txn, acme, {.verdict = standing_verdict::block}, noon);
    w.blocks.refresh(w.env.begin_read(), acme);
    CHECK(w.blocks.is_bulk_closed(acme));
    txn.commit();
  }
  w.blocks.refresh(w.env.begin_read(), acme);
  CHECK(w.blocks.is_bulk_closed(acme));
}

TEST_CASE("an older view does not overrule a newer one") {
  world w;
  w.trip();
  const auto blocked_view = w.env.begin_read();
  REQUIRE(w.unblock("desk:anna", "list cleaned").has_value());
  w.blocks.refresh(w.env.begin_read(), acme);
  w.blocks.refresh(blocked_view, acme);
  CHECK_FALSE(w.blocks.is_bulk_closed(acme));
}

TEST_CASE("only a named person with a reason unblocks; the gate opens after the commit") {
  world w;
  CHECK(w.unblock("desk:anna", "why not").error().kind == failure_kind::conflict);
  w.trip();
  CHECK(w.unblock("", "list cleaned").error().kind == failure_kind::invalid);
  CHECK(w.unblock("desk:anna", " \t").error().kind == failure_kind::invalid);
  CHECK(w.unblock("desk:anna", std::string(1001, 'x')).error().kind == failure_kind::invalid);
  CHECK(w.now().bulk_blocked);
  const auto lifted = w.unblock("desk:anna", "list cleaned");
  REQUIRE(lifted.has_value());
  CHECK(lifted->epoch == 2);
  CHECK(w.blocks.is_bulk_closed(acme));
  w.blocks.refresh(w.env.begin_read(), acme);
  CHECK_FALSE(w.blocks.is_bulk_closed(acme));
  CHECK(w.now() == *lifted);
  const auto told = w.journal.tail(w.env.begin_read(), 1).at(0).what;
  CHECK(told.actor == "desk:anna");
  CHECK(told.reason == "list cleaned");
  CHECK(told.facts.at("to") == "open");
  CHECK(told.facts.at("epoch") == "2");
}

TEST_CASE("a person blocks too, and the history is kept") {
  world w;
  const auto block = [&](std::string_view who, std::string_view why) {
    return w.write([&](write_txn& txn) { return w.blocks.block(txn, acme, who, why, noon); });
  };
  CHECK(block("desk:anna", "").error().kind == failure_kind::invalid);
  CHECK_FALSE(w.blocks.is_bulk_closed(acme));
  CHECK(block("desk:anna", "bought list").value());
  REQUIRE(w.unblock("desk:bela", "proved otherwise", false).has_value());
  CHECK(w.now().epoch == 1);
  CHECK(w.trip());
  const auto past = w.blocks.history(w.env.begin_read(), acme, 10);
  REQUIRE(past.size() == 3);
  CHECK(past[0].after.actor == "gateway");
  CHECK(past[1].after.actor == "desk:bela");
  CHECK(past[2].after.cause == "bought list");
  CHECK(past[2].seq == journal_seq{1});
  CHECK(w.blocks.history(w.env.begin_read(), acme, 2).size() == 2);
  CHECK(w.blocks.history(w.env.begin_read(), {2}, 2).empty());
}

TEST_CASE("two complaints block the campaign's tenant, and unblocking counts from nothing") {
  world w;
  tally counts{w.env, 90};
  const standing_knobs knobs;
  const std::string persons[] = {std::string(16, 'a'), std::string(16, 'b')};
  const auto deliver = [&](std::uint64_t recipient) {
    w.write([&](write_txn& txn) {
      return counts.record_delivered(txn, {.recipient = {recipient},
                                           .message = {1},
                                           .tenant = acme,
                                           .epoch = w.blocks.standing_of(txn, acme).epoch,
                                           .stream = smtp::stream::bulk,
                                           .campaign = "spring",
                                           .person = persons[recipient % 2],
                                           .at = noon});
    });
  };
  const auto complain = [&](std::uint64_t recipient) {
    return w.write([&](write_txn& txn) {
      const auto outcome = counts.record_complaint(txn, {recipient}, noon);
      const auto epoch = w.blocks.standing_of(txn, acme).epoch;
      const auto d = decide(
          counts.figures_with(txn, acme, epoch, window_ending(day_of(noon), knobs.window_days),
                              outcome.sent->campaign),
          knobs);
      if (d.verdict == standing_verdict::block) w.blocks.block_for_ratio(txn, acme, d, noon);
      return d.verdict;
    });
  };
  deliver(2);
  deliver(3);
  CHECK(complain(2) == standing_verdict::warn);
  CHECK_FALSE(w.blocks.is_bulk_closed(acme));
  CHECK(complain(3) == standing_verdict::block);
  CHECK(w.blocks.is_bulk_closed(acme));
  REQUIRE(w.unblock("desk:anna", "list cleaned").has_value());
  w.blocks.refresh(w.env.begin_read(), acme);
  deliver(4);
  CHECK(complain(4) == standing_verdict::warn);
  // A late complaint about a mail from before the reset does not count against the new epoch.
  CHECK(complain(3) == standing_verdict::warn);
  CHECK_FALSE(w.blocks.is_bulk_closed(acme));
}

TEST_CASE("a block whose commit failed does not stay in memory for ever") {
  world w;
  w.trip(false);
  w.blocks.refresh(w.env.begin_read(), acme);
  CHECK(w.blocks.is_bulk_closed(acme));  // it may still be on its way
  w.write([&](write_txn& txn) {
    return w.journal.append(txn, {.kind = event_kind::accepted, .at = noon, .tenant = {2}});
  });
  w.blocks.refresh_closed(w.env.begin_read());
  CHECK_FALSE(w.blocks.is_bulk_closed(acme));
  w.trip();
  w.blocks.refresh_closed(w.env.begin_read());
  CHECK(w.blocks.is_bulk_closed(acme));
}
