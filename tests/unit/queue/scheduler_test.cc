#include "queue/scheduler.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "tests/unit/queue/store_fixture.h"

using namespace consentry;
using namespace consentry::queue;
using namespace consentry::queue::tests;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using smtp::outcome_kind;
using smtp::outcome_scope;

namespace {

smtp::outcome said(outcome_kind kind, int code, smtp::enhanced_code enhanced, std::string text) {
  smtp::outcome o;
  o.kind = kind;
  o.last_reply = {.code = code, .enhanced = enhanced, .text = std::move(text)};
  o.remote_host = "mx.test";
  return o;
}
smtp::outcome delivered() {
  return said(outcome_kind::delivered, 250, {2, 0, 0}, "ok");
}
smtp::outcome greylisted() {
  return said(outcome_kind::deferred, 451, {4, 7, 1}, "later");
}
smtp::outcome no_such_user() {
  return said(outcome_kind::bounced, 550, {5, 1, 1}, "no such user");
}
smtp::outcome unreachable() {
  smtp::outcome o;
  o.scope = outcome_scope::site;
  o.cause = "connection refused";
  return o;
}

// Answers by script; a domain in `stuck` never answers until it is cancelled or let go.
struct fake_courier final : courier {
  std::function<smtp::outcome(const queued_message&, const queued_recipient&)> answer =
      [](const auto&, const auto&) { return delivered(); };
  std::set<std::string> stuck;
  std::vector<std::pair<std::string, bool>> carried_to;  // address, notice
  std::map<std::string, int> active, most_active;
  int active_in_all = 0, most_in_all = 0;
  std::function<void()> before_mail_from;
  asio::steady_timer release;
  explicit fake_courier(asio::io_context& io)
      : release{io, asio::steady_timer::time_point::max()} {}

  std::string destination_of(const std::string& domain) const override { return domain; }

  asio::awaitable<carried> carry(std::shared_ptr<const queued_message> m,
                                 std::shared_ptr<const queued_recipient> r,
                                 std::function<bool()> may_start) override {
    most_active[r->domain] = std::max(most_active[r->domain], ++active[r->domain]);
    most_in_all = std::max(most_in_all, ++active_in_all);
    if (stuck.contains(r->domain)) {
      co_await release.async_wait(asio::as_tuple(asio::use_awaitable));
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    } else {
      co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    }
    --active[r->domain];
    --active_in_all;
    carried out;
    if (before_mail_from) before_mail_from();
    if (!may_start()) {
      out.broken_off = true;
      co_return out;
    }
    carried_to.emplace_back(r->address, m->is_notice);
    out.outcome = answer(*m, *r);
    co_return out;
  }
};

struct fake_gate final : dispatch_gate {
  std::function<dispatch_decision(const queued_message&, const queued_recipient&)> decide =
      [](const auto&, const auto&) { return dispatch_decision{}; };
  std::atomic<bool> open{true};
  int asked = 0;
  dispatch_decision ask(const queued_message& m, const queued_recipient& r) override {
    ++asked;
    return decide(m, r);
  }
  bool may_start(tenant_id, smtp::stream) noexcept override { return open; }
};

struct fake_sink final : outcome_sink {
  table log;
  std::vector<std::string> settled_;
  void record(write_txn& txn, const queued_message&, const queued_recipient& r,
              const smtp::outcome& o, const attempt_facts& f) override {
    if (r.address.empty()) FAIL("the sink needs the address");
    txn.put(log, std::to_string(r.id.value) + "." + std::to_string(f.number) + "." + f.reason,
            smtp::to_string(o.kind));
  }
  void held(write_txn& txn, const queued_message&, const queued_recipient& r,
            const dispatch_decision& why) override {
    txn.put(log, std::to_string(r.id.value) + ".held", why.reason);
  }
  void notice_queued(write_txn& txn, const queued_message& notice,
                     const queued_recipient& to) override {
    txn.put(log, std::to_string(notice.id.value) + ".notice." + std::to_string(notice.about.value),
            to.address);
  }
  void settled(const queued_message&, const queued_recipient& r, const smtp::outcome& o,
               const attempt_facts&) override {
    settled_.push_back(r.address + " " + std::string{smtp::to_string(o.kind)});
  }
};

struct world {
  consentry::tests::temp_folder folder;
  store_on q{folder.path(), disk_calls::real(), 4096};
  asio::io_context io{1};
  manual_clock clock{noon};
  fake_courier carrier{io};
  fake_gate gate;
  fake_sink sink;
  scheduler_settings settings;
  std::optional<scheduler> s;

  world() {
    sink.log = q.env.open_table("test_log");
    settings.retry.bulk.jitter = 0;
    settings.retry.transactional.jitter = 0;
    settings.look_again = 5ms;
    settings.commit_again = 1ms;
    settings.housekeeping = 1s;
    settings.notices = {.host_name = "gw.test", .from = "mailer-daemon@gw.test"};
  }
  ~world() { stop(); }

  void start() {
    s.emplace(io.get_executor(),
              scheduler::parts{q.env, q.commits, q.store, q.bodies, carrier, gate, sink, clock},
              settings);
    s->start();
  }
  void stop(std::chrono::milliseconds patience = 0ms) {
    if (!s) return;
    bool done = false;
    asio::co_spawn(io, s->stop(patience), [&](std::exception_ptr) { done = true; });
    until([&] { return done; });
    s.reset();
    io.restart();
    io.poll();
  }
  // Runs until it holds; a test that waits in vain fails after a long time instead of hanging.
  void until(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!holds()) {
      if (std::chrono::steady_clock::now() >= deadline) {
        const auto stats = s->stats();
        FAIL("waited in vain: queued " << stats.queued << " working set " << stats.working_set
                                       << " in flight " << stats.in_flight << " delivered "
                                       << stats.delivered << " parked " << stats.parked
                                       << " carried " << carrier.carried_to.size() << " due "
                                       << q.due(lane::bulk, clock.now()).size());
      }
      io.restart();
      io.run_one_for(10ms);
    }
  }
  void settle_all() {
    until([&] {
      const auto stats = s->stats();
      const auto txn = q.env.begin_read();
      const auto now = clock.now();
      return stats.in_flight == 0 && stats.working_set == 0 &&
             q.store.due(txn, lane::bulk, {}, now, 1).empty() &&
             q.store.due(txn, lane::prompt, {}, now, 1).empty();
    });
  }
  std::map<std::string, std::string> log() {
    std::map<std::string, std::string> out;
    const auto txn = q.env.begin_read();
    auto at = txn.scan(sink.log);
    for (bool ok = at.first(); ok; ok = at.next())
      out.emplace(std::string{at.key()}, std::string{at.value()});
    return out;
  }
  // Many rows without many commits.
  void fill(const std::string& domain, std::size_t count,
            smtp::stream stream = smtp::stream::bulk) {
    auto m = bulk_message();
    m.stream = stream;
    m.reverse_path.clear();
    m.body_at = q.bodies.append("Subject: x\r\n\r\nbody\r\n").value().location;
    const std::vector<queued_recipient> one{to("u", domain)};
    for (std::size_t done = 0; done < count;) {
      const auto n = std::min<std::size_t>(count - done, 5000);
      q.commits
          .run([&](write_txn& txn) {
            for (std::size_t i = 0; i < n; ++i) q.store.accept(txn, m, one);
          })
          .value();
      done += n;
    }
  }
};

}  // namespace

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

TEST_CASE("concurrency is bounded per destination and in all") {
  world w;
  w.settings.in_flight_per_destination = 3;
  w.settings.in_flight_max = 16;
  for (int d = 0; d < 4; ++d) w.fill("d" + std::to_string(d) + ".test", 40);
  w.start();
  w.settle_all();
  CHECK(w.carrier.carried_to.size() == 160);
  CHECK(w.carrier.most_in_all <= 12);
  for (const auto& [domain, most] : w.carrier.most_active) CHECK(most <= 3);
  CHECK(w.carrier.most_active["d0.test"] == 3);
}

TEST_CASE("prompt mail goes past stuck bulk mail") {
  world w;
  w.settings.in_flight_max = 16;
  w.carrier.stuck = {"s0.test", "s1.test", "s2.test", "s3.test"};
  for (const auto& domain : w.carrier.stuck) w.fill(domain, 20);
  w.start();
  // An eighth of 16 is kept for it.
  w.until([&] { return w.carrier.active_in_all == 14; });
  w.fill("fine.test", 1, smtp::stream::transactional);
  w.s->notify(noon);
  w.until([&] { return w.carrier.carried_to.size() == 1; });
  CHECK(w.carrier.carried_to[0].first == "u@fine.test");
}

TEST_CASE("a destination that stands still with a large backlog does not hold up another") {
  world w;
  w.settings.bulk_in_memory_max = 200;
  w.settings.share_max = 50;
  w.settings.rows_per_pass = 100;
  w.settings.in_flight_per_destination = 5;
  w.carrier.stuck = {"slow.test"};
  w.fill("slow.test", 1000);
  w.fill("fast.test", 200);
  w.start();
  w.until([&] { return w.carrier.carried_to.size() == 200; });
  CHECK(w.s->stats().working_set <= 200);
  CHECK(w.carrier.active["slow.test"] == 5);
  CHECK(w.s->stats().parked >= 900);
  // And it all goes when the destination wakes up.
  w.carrier.stuck.clear();
  w.carrier.release.cancel();
  w.until([&] { return w.carrier.carried_to.size() == 1200; });
  w.settle_all();
  CHECK(w.q.counts() == queue_counts{});
}

TEST_CASE("a crash leaves parked mail where the next start finds it") {
  world w;
  w.settings.bulk_in_memory_max = 100;
  w.settings.share_max = 20;
  w.settings.in_flight_per_destination = 5;
  w.carrier.stuck = {"slow.test"};
  w.fill("slow.test", 300);
  w.start();
  w.until([&] { return w.s->stats().parked >= 250; });
  w.stop();
  w.carrier.stuck.clear();
  w.carrier.carried_to.clear();
  w.start();
  w.until([&] { return w.q.counts().queued == 0; });
  CHECK(w.carrier.carried_to.size() == 300);
}

TEST_CASE("a destination that does not answer is left alone as a whole, then probed once") {
  world w;
  bool up = false;
  w.settings.in_flight_per_destination = 4;
  w.carrier.answer = [&](const auto&, const auto&) { return up ? delivered() : unreachable(); };
  w.fill("dead.test", 500);
  w.start();
  w.settle_all();
  CHECK(w.carrier.carried_to.size() < 10);
  const auto tried = w.carrier.carried_to.size();
  CHECK(w.q.recipient(900).attempts == 0);
  CHECK(w.q.recipient(900).next_attempt_at == noon + 60s);
  w.clock.advance(61s);
  w.s->notify(w.clock.now());
  w.settle_all();
  CHECK(w.carrier.carried_to.size() == tried + 1);
  up = true;
  w.clock.advance(10min);
  w.s->notify(w.clock.now());
  w.settle_all();
  CHECK(w.s->stats().queued == 0);
}

TEST_CASE("mail for a destination that never answers bounces when its time is up, all of it") {
  world w;
  w.settings.in_flight_per_destination = 4;
  w.carrier.answer = [&](const auto&, const auto&) { return unreachable(); };
  w.fill("dead.test", 300);
  w.start();
  w.settle_all();
  const auto tried = w.carrier.carried_to.size();
  // Shortly before the end a probe, for which there is no next time, brings it down again.
  w.clock.set(noon + 72h - 10s);
  w.s->notify(w.clock.now());
  w.settle_all();
  CHECK(w.q.counts().queued == 299);
  CHECK(w.carrier.carried_to.size() == tried + 1);
  w.clock.set(noon + 72h);
  w.s->notify(w.clock.now());
  w.settle_all();
  CHECK(w.q.counts() == queue_counts{});
  CHECK(w.carrier.carried_to.size() == tried + 1);
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
  w.settings.in_flight_per_destination = 1;
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
  w.settings.in_flight_per_destination = 1;
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

TEST_CASE("segments without live mail are removed, at start and later") {
  world w;  // segments of 4 KiB
  auto m = bulk_message();
  m.expires_at = noon + 1000h;
  for (int i = 0; i < 10; ++i) w.q.accept(m, {to("anna", "a.test")}, std::string(3000, 'x'));
  (void)w.q.bodies.append(std::string(3000, 'o'));  // orphans: never committed
  (void)w.q.bodies.append(std::string(3000, 'o'));
  CHECK(w.q.bodies.segments() == 12);
  w.settings.housekeeping = 0s;
  w.start();
  w.until([&] { return w.q.bodies.segments() <= 1; });
  CHECK(w.q.counts() == queue_counts{});
}

TEST_CASE("a backlog of 100,000 recipients: bounded memory, a bounded start") {
  world w;
  w.carrier.stuck = {"slow.test"};
  w.fill("slow.test", 100'000);
  w.settings.in_flight_per_destination = 10;
  w.start();
  std::size_t most = 0;
  // The first mail is on its way before more than a few rows were read or moved.
  w.until([&] {
    most = std::max<std::size_t>(most, w.s->stats().working_set);
    return w.carrier.active_in_all == 10;
  });
  CHECK(w.s->stats().parked <= 2000);
  CHECK(most <= w.settings.share_max);
  w.fill("other.test", 5);
  w.s->notify(noon);
  w.until([&] {
    most = std::max<std::size_t>(most, w.s->stats().working_set);
    return w.carrier.carried_to.size() == 5;
  });
  CHECK(most <= w.settings.bulk_in_memory_max);
}
