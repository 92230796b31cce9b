// Many recipients, few places: bounds, fairness, and what is left on disk.
#include <catch2/catch.hpp>

#include "tests/unit/queue/scheduler_fixture.h"

using namespace consentry;
using namespace consentry::queue;
using namespace consentry::queue::tests;

TEST_CASE("concurrency is bounded per destination and in all") {
  world w;
  w.settings.paths.connections_max = 3;
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
  w.settings.paths.connections_max = 5;
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
  w.settings.paths.connections_max = 5;
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
  w.settings.paths.connections_max = 4;
  w.carrier.answer = [&](const auto&, const auto&) { return up ? delivered() : unreachable(); };
  w.fill("dead.test", 500);
  w.start();
  w.settle_all();
  CHECK(w.carrier.carried_to.size() < 10);
  const auto tried = w.carrier.carried_to.size();
  CHECK(w.q.recipient(900).attempts == 0);
  CHECK(w.s->stats().parked > 400);  // once, not again with each probe
  const auto parked = w.s->stats().parked;
  w.clock.advance(61s);
  w.s->notify(w.clock.now());
  w.until([&] { return w.carrier.carried_to.size() > tried; });
  w.settle_all();
  CHECK(w.carrier.carried_to.size() == tried + 1);
  CHECK(w.s->stats().parked == parked);
  up = true;
  w.clock.advance(10min);
  w.s->notify(w.clock.now());
  w.until([&] { return w.s->stats().queued == 0; });
}

TEST_CASE("mail for a destination that never answers bounces when its time is up, all of it") {
  world w;
  w.settings.paths.connections_max = 4;
  w.carrier.answer = [&](const auto&, const auto&) { return unreachable(); };
  w.fill("dead.test", 300);
  w.start();
  w.settle_all();
  const auto tried = w.carrier.carried_to.size();
  // Shortly before the end a probe, for which there is no next time, brings it down again.
  w.clock.set(noon + 72h - 10s);
  w.s->notify(w.clock.now());
  w.until([&] { return w.q.counts().queued == 299; });
  w.settle_all();
  CHECK(w.carrier.carried_to.size() == tried + 1);
  w.clock.set(noon + 72h);
  w.s->notify(w.clock.now());
  w.until([&] { return w.q.counts() == queue_counts{}; });
  w.settle_all();
  CHECK(w.carrier.carried_to.size() == tried + 1);
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
  w.settings.paths.connections_max = 10;
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
