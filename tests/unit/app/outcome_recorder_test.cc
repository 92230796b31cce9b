#include "app/outcome_recorder.h"

#include <catch2/catch.hpp>

#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::app_world;
using consentry::tests::time_at;
using journal::event_kind;

namespace {

struct outcome_world : app_world {
  outcome_recorder recorder{rooms, clock};
  tenant_id shop = add_tenant("shop");

  recipient_id mail(smtp::stream stream = smtp::stream::bulk,
                    const std::string& to = "jane@one.test") {
    return recipient_id{enqueue(shop, stream, {to}).value + 1};
  }
  std::uint64_t delivered_count() {
    return read([&](read_txn& txn) {
      return rooms.tally
          .figures(txn, shop, rooms.blocker.standing_of(txn, shop).epoch,
                   reputation::window_ending(reputation::day_of(clock.now()), 30), 10)
          .tenant.delivered;
    });
  }
  bool is_suppressed(const std::string& address = "jane@one.test") {
    const auto person = person_of(shop, address);
    return read([&](read_txn& txn) {
      return rooms.suppressions.find(txn, shop, person, clock.now()).has_value();
    });
  }
  std::optional<policy::consent::consent_record> consent() {
    const auto key = key_of(shop, "jane@one.test", "news");
    return read([&](read_txn& txn) { return rooms.renewals.find(txn, key); });
  }
};

}  // namespace

TEST_CASE("a delivery is journaled and tallied, and renews once it is settled") {
  outcome_world w;
  w.give_consent(w.shop, "jane@one.test", "news", time_at("2025-01-10"));
  const auto id = w.mail();
  const auto m = w.message_of(id);
  const auto r = w.recipient(id).value();
  queue::attempt_facts facts;
  facts.at = w.clock.now();
  facts.number = 2;
  facts.transmitted = true;
  const auto o = app_world::delivered();
  w.change([&](write_txn& txn) { w.recorder.record(txn, m, r, o, facts); });
  const auto seen = w.events(event_kind::delivered);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].tenant == w.shop);
  CHECK(seen[0].recipient == id);
  CHECK(seen[0].campaign == "spring");
  CHECK(seen[0].facts.at("attempt") == "2");
  CHECK(seen[0].facts.at("reply") == "250 2.0.0 taken");
  CHECK(seen[0].facts.at("host") == "mx.remote.test");
  CHECK(seen[0].facts.at("sender") == "shop Kft.");
  CHECK(w.delivered_count() == 1);
  // Not before it is durable: the buffer is told after the commit.
  CHECK(w.rooms.renewals.pending() == 0);
  CHECK_FALSE(w.consent()->first_delivery);
  w.recorder.settled(m, r, o, facts);
  CHECK(w.rooms.renewals.pending() == 1);
  REQUIRE(w.consent()->first_delivery.has_value());
  CHECK(w.consent()->first_delivery->recipient == id);
  // Told twice is once.
  w.recorder.settled(m, r, o, facts);
  CHECK(w.rooms.renewals.pending() == 1);
}

TEST_CASE("only bulk counts in N, and only advertising renews") {
  struct row {
    smtp::stream stream;
    std::uint64_t counted;
    std::size_t renews;
  };
  for (const row& r : {row{smtp::stream::bulk, 1, 1}, row{smtp::stream::automation, 0, 1},
                       row{smtp::stream::transactional, 0, 0}, row{smtp::stream::doi, 0, 0}}) {
    INFO(to_string(r.stream));
    outcome_world w;
    w.settle(w.recorder, w.mail(r.stream), app_world::delivered());
    CHECK(w.delivered_count() == r.counted);
    CHECK(w.rooms.renewals.pending() == r.renews);
    CHECK(w.events(event_kind::delivered).size() == 1);
  }
}

TEST_CASE("an address that its own server calls dead is suppressed, and no other") {
  struct row {
    int code;
    smtp::enhanced_code enhanced;
    const char* text;
    bool is_dead;
  };
  for (const row& r : {
           row{550, {5, 1, 1}, "no such user", true},
           row{552, {5, 2, 2}, "mailbox full", false},
           row{550, {5, 7, 1}, "spam", false},
           row{554, {5, 3, 4}, "too large", false},
           row{421, {4, 2, 1}, "try again later", false},
       }) {
    INFO(r.text);
    outcome_world w;
    w.settle(w.recorder, w.mail(), app_world::bounced(r.code, r.enhanced, r.text));
    CHECK(w.is_suppressed() == r.is_dead);
    CHECK(w.events(event_kind::bounced).size() == 1);
    CHECK(w.delivered_count() == 0);
    CHECK(w.rooms.renewals.pending() == 0);
  }
}

TEST_CASE("a refusal of ours is no proof that an address is dead, and a notice is nobody's mail") {
  outcome_world w;
  const auto id = w.mail();
  const auto r = w.recipient(id).value();
  auto m = w.message_of(id);
  queue::attempt_facts facts;
  facts.at = w.clock.now();
  facts.number = 1;
  facts.transmitted = false;
  facts.reason = "consent.expired";
  facts.rule = "A3";
  facts.bounce = smtp::bounce_class::bad_address;
  const auto dead = app_world::bounced(550, {5, 1, 1}, "refused here");
  w.change([&](write_txn& txn) { w.recorder.record(txn, m, r, dead, facts); });
  CHECK_FALSE(w.is_suppressed());
  CHECK(w.events(event_kind::bounced).at(0).reason == "consent.expired");

  m.is_notice = true;
  facts.transmitted = true;
  w.change([&](write_txn& txn) {
    w.recorder.record(txn, m, r, dead, facts);
    w.recorder.record(txn, m, r, app_world::delivered(), facts);
  });
  CHECK_FALSE(w.is_suppressed());
  CHECK(w.delivered_count() == 0);
}

TEST_CASE("A3: a consent that lapsed in the queue is told in the person's history, once") {
  outcome_world w;
  w.give_consent(w.shop, "jane@one.test", "news", w.clock.now() - std::chrono::hours{24 * 400});
  queue::attempt_facts facts;
  facts.at = w.clock.now();
  facts.number = 1;
  facts.reason = "consent.expired";
  facts.rule = "A3";
  const auto refused = app_world::bounced(550, {5, 7, 1}, "refused here");
  for (int i = 0; i < 2; ++i) {
    const auto id = w.mail();
    const auto r = w.recipient(id).value();
    const auto m = w.message_of(id);
    w.change([&](write_txn& txn) { w.recorder.record(txn, m, r, refused, facts); });
  }
  CHECK(w.events(event_kind::bounced).size() == 2);
  const auto expired = w.events(event_kind::consent_expired);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].person == w.person_of(w.shop, "jane@one.test"));
  CHECK(expired[0].topic == "news");
  CHECK(expired[0].rule == "A3");
}

TEST_CASE("a deferral is journaled and nothing else") {
  outcome_world w;
  smtp::outcome o;
  o.kind = smtp::outcome_kind::deferred;
  o.cause = "connection refused";
  w.settle(w.recorder, w.mail(), o);
  const auto seen = w.events(event_kind::deferred);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].facts.at("cause") == "connection refused");
  CHECK_FALSE(seen[0].facts.contains("reply"));
  CHECK_FALSE(w.is_suppressed());
  CHECK(w.delivered_count() == 0);
}

TEST_CASE("held by the gate, and a notice queued: each with its reason") {
  outcome_world w;
  const auto id = w.mail();
  const auto m = w.message_of(id);
  const auto r = w.recipient(id).value();
  queue::dispatch_decision why;
  why.what = queue::dispatch_decision::act::hold;
  why.reason = "tenant.bulk_blocked";
  why.rule = "A5";
  auto notice = m;
  notice.is_notice = true;
  notice.about = m.id;
  w.change([&](write_txn& txn) {
    w.recorder.held(txn, m, r, why);
    w.recorder.notice_queued(txn, notice, r);
  });
  const auto held = w.events(event_kind::held);
  REQUIRE(held.size() == 1);
  CHECK(held[0].reason == "tenant.bulk_blocked");
  CHECK(held[0].rule == "A5");
  const auto told = w.events(event_kind::notice_sent);
  REQUIRE(told.size() == 1);
  CHECK(told[0].facts.at("for") == to_string(m.id));
}

TEST_CASE(
    "D1, A3: a consent that runs out in the queue is told in its history, with both policies") {
  outcome_world w;
  w.give_consent(w.shop, "jane@one.test", "news", time_at("2024-03-14T18:00:00"));
  const auto id = w.mail();
  auto m = w.message_of(id);
  m.policy_version = "p-accepted";
  const auto r = w.recipient(id).value();
  w.clock.set(time_at("2025-03-15T00:00:00"));
  queue::attempt_facts facts;
  facts.at = w.clock.now();
  facts.reason = "consent.expired";
  facts.rule = "A3";
  facts.policy_version = "p-now";
  smtp::outcome o;
  o.kind = smtp::outcome_kind::bounced;
  o.last_reply.enhanced = {5, 7, 1};
  w.change([&](write_txn& txn) { w.recorder.record(txn, m, r, o, facts); });
  const auto bounced = w.events(event_kind::bounced);
  REQUIRE(bounced.size() == 1);
  CHECK(bounced[0].reason == "consent.expired");
  CHECK(bounced[0].policy_version == "p-now");
  CHECK(bounced[0].facts.at("accepted_under") == "p-accepted");
  const auto expired = w.events(event_kind::consent_expired);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].person == r.person);
  CHECK(expired[0].topic == "news");
  CHECK(expired[0].message == m.id);
  CHECK(expired[0].rule == "A3");
  CHECK(expired[0].recipient == id);
  // A refusal for another reason is no expiry.
  facts.reason = "consent.withdrawn";
  w.change([&](write_txn& txn) { w.recorder.record(txn, m, r, o, facts); });
  CHECK(w.events(event_kind::consent_expired).size() == 1);
  // Nor is the address dead: nothing was sent.
  CHECK_FALSE(w.is_suppressed());
}

TEST_CASE("what the gate holds tells which policy took it and which one holds it") {
  outcome_world w;
  const auto id = w.mail();
  auto m = w.message_of(id);
  m.policy_version = "p-accepted";
  queue::dispatch_decision why;
  why.what = queue::dispatch_decision::act::hold;
  why.reason = "campaign.held";
  why.policy_version = "p-now";
  w.change([&](write_txn& txn) { w.recorder.held(txn, m, w.recipient(id).value(), why); });
  const auto held = w.events(event_kind::held);
  REQUIRE(held.size() == 1);
  CHECK(held[0].policy_version == "p-now");
  CHECK(held[0].facts.at("accepted_under") == "p-accepted");
}
