#include "queue/working_set.h"

#include <catch2/catch.hpp>

using namespace consentry;
using namespace consentry::queue;
using namespace std::chrono_literals;

namespace {

constexpr instant now = from_ms(1'790'000'000'000);
using added = working_set::added;
using contact = working_set::contact;

due_row row(std::uint64_t id, lane in = lane::bulk) {
  return {.in = in, .at = now, .recipient = recipient_id{id}, .domain = "d"};
}

working_set_limits small() {
  return {.in_memory_max = {4, 16},
          .share_max = 8,
          .in_flight_max = 8,
          .in_flight_per_destination = 2,
          .failures_until_down = 2,
          .down_first = 60s,
          .down_longest = 150s};
}

}  // namespace

TEST_CASE("a recipient is here once, until it is done") {
  working_set s{small()};
  CHECK(s.add(row(1), "a", now) == added::yes);
  CHECK(s.add(row(1), "a", now) == added::known);
  const auto p = s.take(now);
  REQUIRE(p);
  CHECK(s.add(row(1), "a", now) == added::known);
  s.done(*p, contact::reached, now);
  CHECK(s.add(row(1), "a", now) == added::yes);
}

TEST_CASE("destinations take turns, prompt mail first") {
  working_set s{small()};
  for (std::uint64_t i = 1; i <= 3; ++i) s.add(row(i), "a", now);
  s.add(row(11), "b", now);
  s.add(row(21, lane::prompt), "a", now);
  std::vector<std::uint64_t> order;
  while (const auto p = s.take(now)) order.push_back(p->row.recipient.value);
  CHECK(order == std::vector<std::uint64_t>{21, 1, 11});  // a has its two
}

TEST_CASE("shares shrink as the lane fills, and never to nothing") {
  working_set s{small()};
  std::uint64_t id = 0;
  std::vector<std::size_t> taken;
  for (const std::string name : {"a", "b", "c", "d", "e"}) {
    std::size_t n = 0;
    while (s.add(row(++id), name, now) == added::yes) ++n;
    taken.push_back(n);
  }
  CHECK(taken[0] < 8);
  CHECK(taken[0] >= taken[1]);
  CHECK(taken[1] >= 4);
  CHECK(s.loaded(lane::bulk) == 16);
  CHECK(s.add(row(++id), "z", now) == added::no_room);
  CHECK(s.add(row(++id, lane::prompt), "z", now) == added::yes);
}

TEST_CASE("a destination goes down after failures in a row and gives back what waits") {
  working_set s{small()};
  for (std::uint64_t i = 1; i <= 5; ++i) s.add(row(i), "a", now);
  const auto one = s.take(now), two = s.take(now);
  CHECK(s.done(*one, contact::failed, now).empty());
  CHECK(s.done(*two, contact::failed, now).size() == 3);
  CHECK(s.down_until("a", now) == now + 60s);
  CHECK(s.add(row(9), "a", now) == added::down);
  CHECK(s.size() == 0);

  const auto later = now + 61s;
  s.add(row(1), "a", later);
  s.add(row(2), "a", later);
  const auto probe = s.take(later);
  REQUIRE(probe);
  CHECK_FALSE(s.take(later));  // one probe only
  SECTION("it fails again: twice as long, up to the longest") {
    CHECK(s.done(*probe, contact::failed, later).size() == 1);
    CHECK(s.down_until("a", later) == later + 120s);
    const auto last = later + 121s;
    s.add(row(3), "a", last);
    s.done(*s.take(last), contact::failed, last);
    CHECK(s.down_until("a", last) == last + 150s);
  }
  SECTION("it answers: all is well") {
    s.done(*probe, contact::reached, later);
    s.add(row(3), "a", later);
    CHECK(s.take(later));
    CHECK(s.take(later));
  }
  SECTION("an attempt that reached nobody because none was tried says nothing") {
    s.done(*probe, contact::none, later);
    CHECK_FALSE(s.down_until("a", later));
  }
}

TEST_CASE("destinations without mail are forgotten, those that are down are not") {
  working_set s{small()};
  for (const std::string name : {"well", "down"})
    for (std::uint64_t i = 1; i <= 2; ++i) s.add(row(i + (name == "down" ? 10 : 0)), name, now);
  while (const auto p = s.take(now))
    s.done(*p, p->destination == "down" ? contact::failed : contact::reached, now);
  CHECK(s.destinations() == 2);
  s.forget_idle(now);
  CHECK(s.destinations() == 1);
  s.forget_idle(now + 24h);
  CHECK(s.destinations() == 0);
}
