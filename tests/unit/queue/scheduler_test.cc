#include <catch2/catch.hpp>

#include "tests/unit/queue/scheduler_fixture.h"

using namespace consentry;
using namespace consentry::queue;
using namespace consentry::queue::tests;

TEST_CASE("what is due is carried, recorded and gone") {
  world w;
  const auto id = w.q.accept(bulk_message(), {to("anna", "a.test"), to("bela", "b.test")}, "body");
  w.start();
  w.settle_all();
  CHECK(w.carrier.carried_to.size() == 2);
  CHECK(w.q.message(id).recipients_open == 0);
  CHECK(w.log() ==
        std::map<std::string, std::string>{{"2.1.", "delivered"}, {"3.1.", "delivered"}});
  CHECK(w.sink.settled_.size() == 2);
  const auto stats = w.s->stats();
  CHECK(stats.delivered == 2);
  CHECK(stats.queued == 0);
}

TEST_CASE("new mail is picked up when it is told of") {
  world w;
  w.settings.look_again = 1h;
  w.start();
  w.settle_all();
  w.q.accept(bulk_message(), {to("anna", "a.test")}, "body");
  w.s->notify(noon);
  w.until([&] { return w.carrier.carried_to.size() == 1; });
}

TEST_CASE("a deferred recipient is tried again by the schedule, and bounces when the time is up") {
  world w;
  w.carrier.answer = [](const auto& m, const auto&) {
    return m.is_notice ? delivered() : greylisted();
  };
  const auto id = w.q.accept(bulk_message(), {to("anna", "a.test")}, "Subject: hello\r\n\r\nx\r\n");
  w.start();
  w.settle_all();
  CHECK(w.q.recipient(2).attempts == 1);
  CHECK(w.q.recipient(2).next_attempt_at == noon + 5min);
  CHECK(w.q.recipient(2).last_reply == "451 4.7.1 later");
  CHECK(w.q.recipient(2).last_host == "mx.test");
  w.clock.set(noon + 5min);
  w.s->notify(w.clock.now());
  w.settle_all();
  CHECK(w.q.recipient(2).attempts == 2);
  CHECK(w.q.recipient(2).next_attempt_at == noon + 15min);
  // To the end of its time.
  int rounds = 0;
  while (w.q.recipient(2).state == recipient_state::queued) {
    REQUIRE(++rounds < 100);
    w.clock.set(w.q.recipient(2).next_attempt_at);
    w.s->notify(w.clock.now());
    w.settle_all();
  }
  CHECK(w.clock.now() >= noon + 72h - 5min);
  CHECK(w.clock.now() <= noon + 72h);
  CHECK(w.q.recipient(2).state == recipient_state::bounced);
  CHECK(w.q.recipient(2).reason == "queue.expired");
  CHECK(w.q.message(id).recipients_open == 0);
  CHECK(w.log()["3.notice.1"] == "news@shop.example");
  CHECK(w.carrier.carried_to.back() == std::pair<std::string, bool>{"news@shop.example", true});
}

TEST_CASE("mail that outlived its time in the queue is not sent any more") {
  world w;
  w.q.accept(bulk_message(), {to("anna", "a.test")}, "Subject: x\r\n\r\n");
  w.clock.set(noon + 73h);
  w.start();
  w.settle_all();
  CHECK(w.q.recipient(2).state == recipient_state::bounced);
  CHECK(w.log().contains("2.0.queue.expired"));
  for (const auto& [address, notice] : w.carrier.carried_to) CHECK(notice);
}

TEST_CASE("a permanent failure gives one DSN to the sender, in the same commit") {
  world w;
  w.carrier.answer = [](const auto& m, const auto&) {
    return m.is_notice ? delivered() : no_such_user();
  };
  w.q.accept(bulk_message(), {to("anna", "a.test")},
             "Subject: hello\r\nFrom: a@shop.example\r\n\r\ntext\r\n");
  w.carrier.stuck = {"shop.example"};  // the notice waits, so that its body can be read
  w.start();
  w.until([&] { return w.carrier.active["shop.example"] == 1; });
  const auto notice = w.q.message(message_id{3});
  CHECK(notice.is_notice);
  CHECK(notice.about.value == 1);
  CHECK(notice.reverse_path.empty());
  CHECK(notice.tenant.value == 7);
  const auto text = w.q.bodies.read(notice.body_at).value();
  CHECK_THAT(text, Catch::Contains("Final-Recipient: rfc822; anna@a.test\r\n"));
  CHECK_THAT(text, Catch::Contains("Status: 5.1.1\r\n"));
  CHECK_THAT(text, Catch::Contains("Subject: hello\r\n"));
  w.carrier.release.cancel();
  w.settle_all();
  CHECK(w.carrier.carried_to.size() == 2);
  CHECK(w.gate.asked == 1);  // not about the notice
  CHECK(w.s->stats().notices == 1);
}

TEST_CASE("no DSN for notices, null senders, NOTIFY=NEVER; a relayed one for NOTIFY=SUCCESS") {
  world w;
  auto from_null = bulk_message();
  from_null.reverse_path.clear();
  w.carrier.answer = [](const auto&, const auto& r) {
    return r.address.starts_with("good") ? delivered() : no_such_user();
  };
  auto never = to("never", "a.test");
  never.notify.never = true;
  auto success = to("good", "a.test");
  success.notify.success = true;
  auto success_only = to("bad", "a.test");
  success_only.notify.success = true;
  w.q.accept(from_null, {to("anna", "a.test")}, "x");  // 1: 2
  w.q.accept(bulk_message(), {never, success, success_only, to("good", "b.test")},
             "x");  // 3: 4 5 6 7
  w.start();
  w.settle_all();
  std::vector<std::string> notices;
  for (const auto& [key, to_whom] : w.log())
    if (key.find(".notice.") != std::string::npos) notices.push_back(key);
  // One, about recipient 5; and the bounce of that notice makes no other.
  CHECK(notices == std::vector<std::string>{"8.notice.3"});
  CHECK(w.q.recipient(9).state == recipient_state::bounced);
}

TEST_CASE("the gate is asked at every attempt and decides") {
  world w;
  using act = dispatch_decision::act;
  w.gate.decide = [](const queued_message&, const queued_recipient& r) {
    dispatch_decision d;
    if (r.address.starts_with("hold"))
      d = {.what = act::hold, .reason = "tenant.bulk_blocked", .rule = "A5"};
    if (r.address.starts_with("refuse"))
      d = {.what = act::refuse,
           .reason = "consent.expired",
           .rule = "A3",
           .text = "The consent is too old."};
    if (r.address.starts_with("defer")) d = {.what = act::defer, .until = noon + 1h};
    return d;
  };
  auto m = bulk_message();
  w.q.accept(
      m, {to("hold", "a.test"), to("refuse", "a.test"), to("defer", "a.test"), to("go", "a.test")},
      "Subject: x\r\n\r\n");
  w.carrier.stuck = {"shop.example"};
  w.start();
  w.until([&] { return w.carrier.active["shop.example"] == 1 && w.s->stats().in_flight == 1; });
  CHECK(w.q.recipient(2).state == recipient_state::held);
  CHECK(w.q.recipient(2).reason == "tenant.bulk_blocked");
  CHECK(w.q.recipient(3).state == recipient_state::bounced);
  CHECK(w.q.recipient(3).reason == "consent.expired");
  CHECK(w.q.recipient(4).state == recipient_state::queued);
  CHECK(w.q.recipient(4).next_attempt_at == noon + 1h);
  CHECK(w.q.recipient(4).attempts == 0);
  CHECK(w.q.recipient(5).state == recipient_state::delivered);
  auto log = w.log();
  CHECK(log["2.held"] == "tenant.bulk_blocked");
  CHECK(log["3.0.consent.expired"] == "bounced");
  CHECK(w.carrier.carried_to.size() == 1);
  const auto dsn = w.q.bodies.read(w.q.message(message_id{6}).body_at).value();
  CHECK_THAT(dsn, Catch::Contains("The consent is too old.") &&
                      Catch::Contains("Reason: consent.expired"));

  // Released, it is asked about again.
  w.gate.decide = [](const auto&, const auto&) { return dispatch_decision{}; };
  w.q.commits
      .run([&](write_txn& txn) {
        w.q.store.release(txn, {.tenant = tenant_id{7}}, noon, "", 100, {});
      })
      .value();
  w.s->notify(noon);
  w.until([&] { return w.q.recipient(2).state == recipient_state::delivered; });
}

TEST_CASE("a gate that closes just before MAIL FROM stops the attempt, and nothing is counted") {
  world w;
  using act = dispatch_decision::act;
  w.carrier.before_mail_from = [&] {
    w.gate.open = false;
    w.gate.decide = [](const auto&, const auto&) {
      return dispatch_decision{.what = act::hold, .reason = "tenant.bulk_blocked"};
    };
  };
  w.q.accept(bulk_message(), {to("anna", "a.test")}, "x");
  w.start();
  w.settle_all();
  CHECK(w.carrier.carried_to.empty());
  CHECK(w.q.recipient(2).state == recipient_state::held);
  CHECK(w.q.recipient(2).attempts == 0);
}

TEST_CASE("a full disk delays the record of an outcome and loses nothing") {
  consentry::tests::temp_folder folder;
  world w;
  w.q.accept(bulk_message(), {to("anna", "a.test")}, "x");
  w.q.presync_says = failure_kind::storage_full;
  w.start();
  w.until([&] { return w.carrier.carried_to.size() == 1; });
  for (int i = 0; i < 20; ++i) w.io.run_one_for(5ms);
  CHECK(w.q.recipient(2).state == recipient_state::queued);
  w.q.presync_says = failure_kind::cancelled;
  w.settle_all();
  CHECK(w.q.recipient(2).state == recipient_state::delivered);
  CHECK(w.carrier.carried_to.size() == 1);
}

TEST_CASE("when the store breaks nothing more is sent") {
  world w;
  w.settings.paths.connections_max = 1;
  for (int i = 0; i < 20; ++i) w.q.accept(bulk_message(), {to("anna", "a.test")}, "x");
  w.q.presync_says = failure_kind::storage_broken;
  w.start();
  w.until([&] { return w.q.broken.has_value() && w.s->stats().in_flight == 0; });
  for (int i = 0; i < 20; ++i) w.io.run_one_for(2ms);
  CHECK(w.carrier.carried_to.size() == 1);
}

TEST_CASE("stopping leaves what was in flight due, and nothing recorded") {
  world w;
  w.carrier.stuck = {"a.test"};
  w.carrier.answer = [](const auto&, const auto&) { return greylisted(); };
  w.q.accept(bulk_message(), {to("anna", "a.test")}, "x");
  w.start();
  w.until([&] { return w.carrier.active_in_all == 1; });
  w.stop(20ms);
  CHECK(w.q.recipient(2).attempts == 0);
  CHECK(w.q.due(lane::bulk, noon).size() == 1);
  CHECK(w.log().empty());
}

TEST_CASE("stopping with patience lets those in flight end, and starts no others") {
  world w;
  w.settings.paths.connections_max = 1;
  w.carrier.stuck = {"a.test"};
  w.q.accept(bulk_message(), {to("anna", "a.test"), to("bela", "a.test")}, "x");
  w.start();
  w.until([&] { return w.carrier.active_in_all == 1; });
  asio::steady_timer later{w.io, 20ms};
  later.async_wait([&](auto) { w.carrier.release.cancel(); });
  w.stop(10s);
  CHECK(w.carrier.carried_to.size() == 1);
  CHECK(w.q.counts().queued == 1);
}

TEST_CASE("what was held and released while it waited in memory is not forgotten") {
  world w;
  bool up = false;
  w.settings.paths.connections_max = 3;
  w.carrier.answer = [&](const auto&, const auto& r) {
    return up || r.domain == "fine.test" ? delivered() : unreachable();
  };
  w.carrier.stuck = {"dead.test"};
  w.fill("dead.test", 10);
  w.start();
  w.until([&] { return w.carrier.active["dead.test"] == 3 && w.s->stats().working_set == 10; });

  w.clock.set(noon + 1s);
  w.q.commits
      .run([&](write_txn& txn) {
        const queue_filter all{.tenant = tenant_id{7}};
        w.q.store.hold(txn, all, "desk.hold", w.clock.now(), "", 1000, {});
        w.q.store.release(txn, all, w.clock.now(), "", 1000, {});
      })
      .value();
  w.s->notify(noon + 1s);
  auto fine = to("carl", "fine.test");
  fine.next_attempt_at = noon + 1s;
  w.q.accept(bulk_message(), {fine}, "x");
  w.s->notify(noon + 1s);
  w.until([&] { return w.carrier.carried_to.size() == 1; });

  // The destination goes down, and those in memory are put off under the times they no longer have.
  w.carrier.stuck.clear();
  w.carrier.release.cancel();
  w.until([&] { return w.s->stats().working_set == 0; });
  up = true;
  w.clock.set(noon + 2h);
  w.s->notify(noon + 2h);
  w.until([&] { return w.q.counts().queued == 0; });
}
