// RULES A2 10, 12: present on day 90, gone on day 91; at once on request. And A2 2: what belongs to
// one tenant is no other's.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "app/departure_gate.h"
#include "app/queue_control.h"
#include "app/tenant_removal.h"
#include "base/secret.h"
#include "tests/unit/app/tenant_world.h"

using namespace consentry;
using consentry::tests::app_world;
using consentry::tests::tenant_world;
using consentry::tests::time_at;
using policy::tenants::tenant_state;

namespace {

// Two tenants with something in every table.
struct world : tenant_world {
  explicit world(const std::filesystem::path& store = {}) : tenant_world{store} {}

  app::outcome_recorder recorder{rooms, clock};

  tenant_id settle_in(const std::string& name) {
    const auto id = add_tenant(name);
    add_domain(id, name + ".test");
    add_credential(id, name + "-crm", "secret password", smtp::stream::bulk);
    create_key_folder(folder.path() / "dkim" / (name + ".test")).value();
    give_consent(id, "jane@one.test", "news", clock.now() - std::chrono::days{30});
    change([&](write_txn& txn) {
      rooms.consents.put_person(txn, id, person_of(id, "jane@one.test"),
                                {.address = "jane@one.test", .name = "Jane"});
    });
    suppress(id, "gone@one.test", reputation::suppression_reason::hard_bounce);
    block(id, "complaints");
    unblock(id, "settled");
    const auto sent = enqueue(id, smtp::stream::bulk, {"jane@one.test"});
    settle(recorder, {sent.value + 1}, delivered());
    change([&](write_txn& txn) {
      rooms.verdicts.put(txn, {sent.value + 1}, clock.now(), {.reason = "ok"});
      rooms.fingerprints.approve(txn, id, {.digest = std::string(16, 'd')});
      // Refused at RCPT: a verdict that only the journal knows the tenant of.
      const recipient_id refused{rooms.ids.take(txn, 2) + 1};
      rooms.verdicts.put(txn, refused, clock.now(), {.reason = "consent.missing"});
      rooms.journal.append(txn, {.kind = journal::event_kind::refused,
                                 .at = clock.now(),
                                 .tenant = id,
                                 .message = {refused.value - 1},
                                 .recipient = refused});
      keep_evidence(txn, id, {sent.value + 1});
      keep_evidence(txn, id, refused);
    });
    return id;
  }
  // Two recipients: that only the first has the message's part must not keep the other.
  void keep_evidence(write_txn& txn, tenant_id id, recipient_id recipient) {
    policy::evidence e;
    e.tenant_name = "of " + std::to_string(id.value);
    app::facts_collector facts;
    const auto text = app::keep_text("Dear Jane, " + std::to_string(recipient.value));
    app::decision_store::recording kept{
        txn, rooms.decisions, id, {recipient.value - 1}, clock.now(), &text};
    kept.put(recipient, facts.take(e, person_of(id, "jane@one.test")));
    kept.put({recipient.value + (1u << 20)}, facts.take(e, person_of(id, "gone@one.test")));
  }
  // Rows of the store that a walk finds to be the tenant's.
  std::size_t rows_of(tenant_id id) {
    return read([&](read_txn& txn) {
      auto rows = rooms.by_tenant.count(txn, id);
      const auto queued = rooms.queue.messages_of(txn, id, {}, 1000, 1000);
      std::string next;
      rows += queued.finished.size() + (queued.any_open ? 1 : 0);
      rows += rooms.tally.sent_of(txn, id, {}, 1000, 1000, next).size();
      recipient_id from{}, text_from{};
      rows += rooms.decisions.of_tenant(txn, id, from, 1000).size() +
              rooms.decisions.texts_of(txn, id, text_from, 1000).size();
      for (const auto& e : rooms.journal.scan(txn, {}, 10000, {.tenant = id}).entries)
        if (e.what.recipient && rooms.verdicts.find(txn, e.what.recipient)) ++rows;
      return rows;
    });
  }
  void end(tenant_id id) {
    tell();
    for (const auto& l : letters()) drop(l.message.id);
    set_state(id, tenant_state::terminated);
  }
  void drop(message_id m) {
    app::queue_order order{.what = app::queue_act::purge, .reason = "x", .actor = "desk:test"};
    order.which.message = m;
    wait_for(app::carry_out(rooms, clock, order)).value();
  }
  void round() { wait_for(app::remove_ended_tenants(care)).value(); }
  bool is_there(const std::string& name) {
    return rooms.directory.get()->find_named(name) != nullptr;
  }
};

}  // namespace

TEST_CASE("A2.10 the data of an ended contract are there on day 90 and gone on day 91") {
  world w;
  const auto shop = w.settle_in("shop"), other = w.settle_in("other");
  REQUIRE(w.rows_of(shop) > 10);
  w.clock.set(time_at("2025-03-14T23:59:59"));
  w.end(shop);
  const auto others = w.rows_of(other);
  // 14 March + 90 days = 12 June, in Budapest, over a change of the clocks.
  w.clock.set(time_at("2025-06-12T23:59:59"));
  w.round();
  CHECK(w.is_there("shop"));
  const auto before = w.rows_of(shop);
  w.clock.set(time_at("2025-06-13T00:00:00"));
  w.round();
  CHECK_FALSE(w.is_there("shop"));
  CHECK(w.rows_of(shop) == 0);
  CHECK(w.ask("GET", {"tenants", "shop"}).status == 404);
  CHECK_FALSE(std::filesystem::exists(w.folder.path() / "dkim" / "shop.test"));
  CHECK(w.compactions == 1);
  const auto told = w.events(journal::event_kind::tenant_removed);
  REQUIRE(told.size() == 1);
  CHECK(told[0].rule == "A2.10");
  CHECK(std::stoul(told[0].facts.at("rows")) + 1 >= before);
  // The history stays and is whole; the other tenant has lost nothing.
  CHECK_FALSE(w.read([&](read_txn& txn) {
                 return w.rooms.journal.scan(txn, {}, 100, {.tenant = shop});
               }).entries.empty());
  CHECK(w.read([&](read_txn& txn) { return w.rooms.journal.verify(txn); }).is_whole());
  CHECK(w.rows_of(other) == others);
  CHECK(std::filesystem::exists(w.folder.path() / "dkim" / "other.test"));
  w.round();
  CHECK(w.events(journal::event_kind::tenant_removed).size() == 1);
  // The name is free, the number is not.
  CHECK(w.add_tenant("shop").value == other.value + 1);
}

TEST_CASE("A2.10 day 90 is counted from the day in Budapest") {
  const struct {
    const char* ended;
    const char* last;
    const char* gone;
  } table[] = {
      {"2024-12-01T00:00:00", "2025-03-01T23:59:59.999", "2025-03-02T00:00:00"},
      {"2024-12-01T23:59:59", "2025-03-01T23:59:59.999", "2025-03-02T00:00:00"},
      {"2023-12-01T12:00:00", "2024-02-29T23:59:59.999", "2024-03-01T00:00:00"},
      {"2025-08-01T12:00:00", "2025-10-30T23:59:59.999", "2025-10-31T00:00:00"},
  };
  for (const auto& row : table) {
    INFO(row.ended);
    policy::tenants::tenant t{.state = tenant_state::terminated, .state_since = time_at(row.ended)};
    CHECK_FALSE(app::is_past_keeping(t, time_at(row.last)));
    CHECK(app::is_past_keeping(t, time_at(row.gone)));
    t.state = tenant_state::suspended;
    CHECK_FALSE(app::is_past_keeping(t, time_at(row.gone)));
  }
}

TEST_CASE("A2.10 on request the data go at once, once the contract has ended") {
  world w;
  const auto shop = w.settle_in("shop"), other = w.settle_in("other");
  const std::string body = R"({"reason": "letter of 14 March"})";
  CHECK(w.ask("POST", {"tenants", "shop", "erase"}, body).status == 403);
  CHECK(w.is_there("shop"));
  w.end(shop);
  const auto others = w.rows_of(other);
  CHECK(w.ask("POST", {"tenants", "shop", "erase"}, "{}").status == 422);
  const auto done = w.ask("POST", {"tenants", "shop", "erase"}, body);
  CHECK(done.status == 200);
  CHECK(boost::json::parse(done.body).at("finished") == true);
  CHECK_FALSE(w.is_there("shop"));
  CHECK(w.rows_of(shop) == 0);
  CHECK(w.rows_of(other) == others);
  CHECK(w.ask("POST", {"tenants", "shop", "erase"}, body).status == 404);
  CHECK(w.events(journal::event_kind::desk_act).back().reason == "letter of 14 March");
  CHECK(w.compactions >= 1);
  // The written notice survives the tenant.
  const auto letters = w.letters();
  REQUIRE_FALSE(letters.empty());
  CHECK(letters.back().to == "office@shop.test");
  CHECK(letters.back().text.find("by_tenant") != std::string::npos);
}

TEST_CASE("A2.10 mail on its way when a tenant is erased: blanked at once, its rows go in hours") {
  world w;
  const auto shop = w.settle_in("shop");
  const auto m = w.enqueue(shop, smtp::stream::transactional, {"late@one.test"});
  w.set_state(shop, tenant_state::terminated);
  const auto in_flight = w.recipient({m.value + 1}).value();
  const auto message = w.message_of({m.value + 1});
  const auto done = w.ask("POST", {"tenants", "shop", "erase"}, R"({"reason": "asked"})");
  CHECK(boost::json::parse(done.body).at("finished") == false);
  CHECK(w.recipient({m.value + 1})->address.empty());
  CHECK(w.recipient({m.value + 1})->state == queue::recipient_state::cancelled);
  // The attempt ends after all, and is recorded as any other.
  auto after = in_flight;
  after.state = queue::recipient_state::delivered;
  w.change([&](write_txn& txn) {
    w.recorder.record(txn, message, in_flight, app_world::delivered(), {.at = w.clock.now()});
    w.rooms.queue.update(txn, after);
  });
  w.round();
  CHECK(w.recipient({m.value + 1}).has_value());
  w.clock.advance(std::chrono::hours{2});
  w.round();
  CHECK_FALSE(w.recipient({m.value + 1}).has_value());
  CHECK(w.rows_of(shop) == 0);
  CHECK(w.events(journal::event_kind::tenant_removed).size() == 1);
}

TEST_CASE("A2.10 a removal goes on after a restart") {
  tests::temp_folder folder;
  tenant_id shop;
  {
    world w{folder.path() / "store"};
    shop = w.settle_in("shop");
    w.end(shop);
    app_world::wait_for(app::begin_removal(w.care, shop, "asked", "desk:anna")).value();
    CHECK(w.rows_of(shop) > 0);
  }
  world w{folder.path() / "store"};
  CHECK_FALSE(w.is_there("shop"));
  w.round();
  CHECK(w.rows_of(shop) == 0);
  CHECK(w.events(journal::event_kind::tenant_removed).at(0).actor == "desk:anna");
}

TEST_CASE("A2.10 every table says what becomes of a removed tenant's rows") {
  world w;
  for (const auto& name : w.rooms.env.table_names()) {
    INFO("table " << name << ": name it in app/tenant_rows.cc");
    std::size_t named = 0;
    for (const auto t : app::tables_by_tenant()) named += t == name ? 1 : 0;
    for (const auto& t : app::other_tables()) named += t.name == name ? 1 : 0;
    CHECK(named == 1);
  }
}

TEST_CASE("A2.2 the rooms never give one tenant what is another's") {
  world w;
  const auto shop = w.settle_in("shop"), other = w.add_tenant("other");
  const auto jane = w.person_of(shop, "jane@one.test");
  const auto gone = w.person_of(shop, "gone@one.test");
  // The same address is another person to another tenant.
  CHECK(w.person_of(other, "jane@one.test") != jane);
  w.enqueue(shop, smtp::stream::bulk, {"jane@one.test"});
  w.read([&](read_txn& txn) {
    for (const auto& person : {jane, gone, w.person_of(other, "jane@one.test")}) {
      CHECK(w.rooms.consents.list(txn, other, person).empty());
      CHECK_FALSE(w.rooms.consents.find_person(txn, other, person).has_value());
      CHECK_FALSE(w.rooms.suppressions.find(txn, other, person, w.clock.now()).has_value());
      CHECK_FALSE(
          w.rooms.consents
              .find(txn,
                    {.tenant = other, .person = person, .sender = "shop Kft.", .topic = "news"})
              .has_value());
    }
    std::string resume;
    CHECK(w.rooms.queue.list(txn, {.tenant = other}, resume, 100).empty());
    CHECK(w.rooms.queue.counts(txn, other).messages == 0);
    CHECK(w.rooms.queue.messages_of(txn, other, {}, 1000, 1000).finished.empty());
    for (const auto& e : w.rooms.journal.scan(txn, {}, 1000, {.tenant = other}).entries)
      CHECK(e.what.tenant == other);
    const reputation::day_window ever{0, 1'000'000};
    CHECK(w.rooms.tally.figures(txn, other, 1, ever, 100).campaigns.empty());
    CHECK(w.rooms.tally.figures(txn, other, 1, ever, 100).tenant.delivered == 0);
    CHECK(w.rooms.blocker.history(txn, other, 100).empty());
    CHECK(w.rooms.fingerprints.approvals(txn, other, 100).empty());
    CHECK(w.rooms.by_tenant.count(txn, other) == 0);
    return 0;
  });
}
