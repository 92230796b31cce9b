#include "queue/working_set.h"

#include <catch2/catch.hpp>

using namespace consentry;
using namespace consentry::queue;
using namespace std::chrono_literals;

namespace {

constexpr instant now = from_ms(1'790'000'000'000);
using added = working_set::added;
using contact = working_set::contact;

constexpr flow_id autumn{tenant_id{7}, smtp::stream::bulk, 1};

due_row row(std::uint64_t id, flow_id flow = autumn, lane in = lane::bulk) {
  return {.in = in, .flow = flow, .at = now, .recipient = recipient_id{id}, .domain = "d"};
}

working_set_limits small() {
  return {.in_memory_max = {4, 16},
          .share_max = 8,
          .in_flight_max = 8,
          .down = {.failures_until_down = 2, .first = 60s, .longest = 150s}};
}

working_set_limits roomy() {
  auto l = small();
  l.in_memory_max = {100, 1000};
  l.share_max = 1000;
  return l;
}

std::shared_ptr<const pacing_rules> rules(const std::string& text, unsigned connections = 2) {
  return pacing_rules::parse(text, "pacing.toml", {.connections_max = connections}, {});
}

struct set_of : working_set {
  explicit set_of(const std::string& text = "", working_set_limits l = small())
      : working_set{l, rules(text)} {
    know(autumn);
  }
  void know(const flow_id& f, const std::string& campaign = "autumn") {
    introduce(f, "t" + std::to_string(f.tenant.value), campaign);
  }
  added put(const due_row& r, const std::string& site, instant t = now) {
    return add(r, site, t).what;
  }
};

std::string on(const std::string& site) {
  return path_name(site, "default");
}
const working_set::ended well{.reached = contact::reached, .delivered = true};
const working_set::ended nobody{.reached = contact::failed};

}  // namespace

TEST_CASE("a recipient is here once, until it is done") {
  set_of s;
  CHECK(s.put(row(1), "a") == added::yes);
  CHECK(s.put(row(1), "a") == added::known);
  const auto p = s.take(now);
  REQUIRE(p);
  CHECK(s.put(row(1), "a") == added::known);
  s.done(*p, well, now);
  CHECK(s.put(row(1), "a") == added::yes);
}

TEST_CASE("paths take turns, prompt mail first") {
  set_of s;
  for (std::uint64_t i = 1; i <= 3; ++i) s.put(row(i), "a");
  s.put(row(11), "b");
  s.put(row(21, autumn, lane::prompt), "a");
  std::vector<std::uint64_t> order;
  while (const auto p = s.take(now)) order.push_back(p->row.recipient.value);
  CHECK(order == std::vector<std::uint64_t>{21, 1, 11});  // a has its two
}

TEST_CASE("shares shrink as the lane fills, and never to nothing") {
  set_of s;
  std::uint64_t id = 0;
  std::vector<std::size_t> taken;
  for (const std::string name : {"a", "b", "c", "d", "e"}) {
    std::size_t n = 0;
    while (s.put(row(++id), name) == added::yes) ++n;
    taken.push_back(n);
  }
  CHECK(taken[0] < 8);
  CHECK(taken[0] >= taken[1]);
  CHECK(taken[1] >= 4);
  CHECK(s.loaded(lane::bulk) == 16);
  CHECK(s.put(row(++id), "z") == added::no_room);
  CHECK(s.put(row(++id, autumn, lane::prompt), "z") == added::yes);
}

TEST_CASE("a path goes down after failures in a row and gives back what waits") {
  set_of s;
  for (std::uint64_t i = 1; i <= 5; ++i) s.put(row(i), "a");
  const auto one = s.take(now), two = s.take(now);
  CHECK(s.done(*one, nobody, now).empty());
  CHECK(s.done(*two, nobody, now).size() == 3);
  CHECK(s.closed_until(on("a"), now) == now + 60s);
  CHECK(s.put(row(9), "a") == added::closed);
  CHECK(s.size() == 0);

  const auto later = now + 61s;
  s.put(row(1), "a", later);
  s.put(row(2), "a", later);
  const auto probe = s.take(later);
  REQUIRE(probe);
  CHECK_FALSE(s.take(later));  // one probe only
  SECTION("it fails again: twice as long, up to the longest") {
    CHECK(s.done(*probe, nobody, later).size() == 1);
    CHECK(s.closed_until(on("a"), later) == later + 120s);
    const auto last = later + 121s;
    s.put(row(3), "a", last);
    s.done(*s.take(last), nobody, last);
    CHECK(s.closed_until(on("a"), last) == last + 150s);
  }
  SECTION("it answers: all is well") {
    s.done(*probe, well, later);
    s.put(row(3), "a", later);
    CHECK(s.take(later));
    CHECK(s.take(later));
  }
  SECTION("an attempt that reached nobody because none was tried says nothing") {
    s.done(*probe, {}, later);
    CHECK_FALSE(s.closed_until(on("a"), later));
  }
}

TEST_CASE("paths without mail are forgotten, those that are down are not") {
  set_of s;
  for (const std::string name : {"well", "down"})
    for (std::uint64_t i = 1; i <= 2; ++i) s.put(row(i + (name == "down" ? 10 : 0)), name);
  while (const auto p = s.take(now)) s.done(*p, p->path == on("down") ? nobody : well, now);
  CHECK(s.paths() == 2);
  s.forget_idle(now);
  CHECK(s.paths() == 1);
  s.forget_idle(now + 24h);
  CHECK(s.paths() == 0);
}

TEST_CASE("a tenant with much mail does not hold up another's, nor a campaign its sister") {
  set_of s{"", roomy()};
  const flow_id winter{tenant_id{7}, smtp::stream::bulk, 2}, other{tenant_id{8}, {}, 1};
  s.know(winter);
  s.know(other);
  for (std::uint64_t i = 1; i <= 4; ++i) s.put(row(i), "a");
  s.put(row(11, winter), "a");
  s.put(row(21, other), "a");
  s.put(row(22, other), "a");
  std::vector<std::uint64_t> order;
  while (const auto p = s.take(now)) {
    order.push_back(p->row.recipient.value);
    s.done(*p, well, now);
  }
  CHECK(order == std::vector<std::uint64_t>{1, 21, 11, 22, 2, 3, 4});
}

TEST_CASE("weights are turns: of tenants, and of campaigns among a tenant's") {
  set_of s{R"(
[[flow]]
tenant = "t8"
weight = 2
[[flow]]
tenant = "t7"
campaign = "win*"
weight = 3
)",
           roomy()};
  const flow_id winter{tenant_id{7}, smtp::stream::bulk, 2}, other{tenant_id{8}, {}, 1};
  s.know(winter, "winter");
  s.know(other);
  std::uint64_t id = 0;
  for (int i = 0; i < 3; ++i) s.put(row(++id), "a");          // 1 2 3
  for (int i = 0; i < 3; ++i) s.put(row(++id, winter), "b");  // 4 5 6
  for (int i = 0; i < 2; ++i) s.put(row(++id), "b");          // 7 8
  for (int i = 0; i < 3; ++i) s.put(row(++id, other), "a");   // 9 10 11
  std::map<std::string, std::vector<std::uint64_t>> order;
  while (const auto p = s.take(now)) {
    order[p->path].push_back(p->row.recipient.value);
    s.done(*p, well, now);
  }
  CHECK(order[on("a")] == std::vector<std::uint64_t>{1, 9, 10, 2, 11, 3});
  CHECK(order[on("b")] == std::vector<std::uint64_t>{4, 5, 6, 7, 8});
}

TEST_CASE("a quota counts what is delivered and in flight, and opens with the hour") {
  set_of s{"[[flow]]\ntenant = \"t7\"\nper_hour = 2\nper_day = 3\n"};
  for (std::uint64_t i = 1; i <= 8; ++i) s.put(row(i), "a");
  const auto one = s.take(now), two = s.take(now);
  REQUIRE(two);
  s.done(*one, {.reached = contact::reached}, now);  // deferred: given back
  const auto three = s.take(now);
  REQUIRE(three);
  s.done(*two, well, now);
  CHECK_FALSE(s.take(now));
  const auto hour = std::chrono::floor<std::chrono::hours>(now) + 1h;
  CHECK(s.next_start() == hour);
  CHECK(s.flow_opens(autumn, now) == hour);
  s.done(*three, well, now);
  const auto four = s.take(hour);
  REQUIRE(four);
  s.done(*four, well, hour);
  CHECK_FALSE(s.take(hour + 5min));  // three on this day
  const auto kept = s.counts(hour);
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].name == "7/bulk");
  CHECK(kept[0].in_hour == 1);
  CHECK(kept[0].in_day == 3);

  set_of restarted{"[[flow]]\ntenant = \"t7\"\nper_day = 3\n"};
  restarted.restore(kept, hour);
  restarted.put(row(9), "a", hour);
  CHECK_FALSE(restarted.take(hour));
  CHECK(restarted.take(hour + 24h));
}

TEST_CASE("a tenant may have so many connections of a path, and others take the rest") {
  auto limits = small();
  set_of s{"[default]\nconnections_max = 4\n[[flow]]\ntenant = \"t7\"\nconnections_max = 1\n",
           limits};
  const flow_id other{tenant_id{8}, smtp::stream::bulk, 1};
  s.know(other);
  for (std::uint64_t i = 1; i <= 3; ++i) s.put(row(i), "a");
  for (std::uint64_t i = 11; i <= 12; ++i) s.put(row(i, other), "a");
  std::vector<working_set::picked> taken;
  while (auto p = s.take(now)) taken.push_back(std::move(*p));
  REQUIRE(taken.size() == 3);
  for (const auto& p : taken)
    if (p.row.flow == autumn) s.done(p, well, now);
  const auto next = s.take(now);
  REQUIRE(next);
  CHECK(next->row.flow == autumn);
}

TEST_CASE(
    "a reply that asks for a pause stops the path; then one connection, and one more each time") {
  set_of s{R"(
[default]
connections_max = 3
growth_s = 60
pause_s = 300
[[reply]]
id = "too-fast"
text = ["4\\.7\\.28"]
)",
           roomy()};
  const auto rules_now = rules("[[reply]]\nid = \"x\"\ntext = [\"4.7.28\"]\n");
  smtp::outcome o;
  o.last_reply = {.code = 421, .enhanced = {4, 7, 28}, .text = "slow down"};
  const auto advice = rules_now->advise("a", o);
  REQUIRE(advice.action == reply_action::pause);
  for (std::uint64_t i = 1; i <= 8; ++i) s.put(row(i), "a");
  const auto one = s.take(now), two = s.take(now);
  CHECK(s.done(*one, {.reached = contact::reached, .advice = advice}, now).size() == 6);
  // Those in flight with it make it no longer.
  CHECK(s.done(*two, {.reached = contact::reached, .advice = advice}, now).empty());
  CHECK(s.closed_until(on("a"), now) == now + 300s);
  CHECK(s.put(row(1), "a") == added::closed);
  const auto at_once = [&](instant t) {
    for (std::uint64_t i = 1; i <= 8; ++i) s.put(row(i), "a", t);
    std::vector<working_set::picked> taken;
    while (auto p = s.take(t)) taken.push_back(std::move(*p));
    const auto n = taken.size();
    for (const auto& p : taken) s.done(p, well, t);
    while (auto p = s.take(t)) s.done(*p, well, t);
    return n;
  };
  CHECK(at_once(now + 301s) == 1);
  CHECK(at_once(now + 361s) == 2);
  s.put(row(1), "a", now + 370s);
  const auto again = s.take(now + 370s);
  s.done(*again, {.reached = contact::reached, .advice = advice}, now + 370s);
  CHECK(s.closed_until(on("a"), now + 370s) == now + 970s);  // before it had grown back: twice
  CHECK(at_once(now + 971s) == 1);
  CHECK(at_once(now + 971s + 2h) == 3);
}

TEST_CASE("sources of a pool share by weight, and one that is closed leaves it to the others") {
  set_of s{R"(
[[source]]
name = "one"
ipv4 = "192.0.2.1"
[[source]]
name = "two"
ipv4 = "192.0.2.2"
[[pool]]
name = "default"
sources = ["one:3", "two"]
)",
           {.in_memory_max = {4, 2000}, .share_max = 2000, .in_flight_max = 8}};
  std::map<std::string, int> by_path;
  for (std::uint64_t i = 1; i <= 400; ++i) ++by_path[s.add(row(i), "a", now).path];
  CHECK(by_path[path_name("a", "one")] > 260);
  CHECK(by_path[path_name("a", "two")] > 70);
  CHECK(by_path.size() == 2);
}

TEST_CASE("a source that warms up sends its few a day to each site, and no more") {
  set_of s{R"(
[[source]]
name = "new"
warm_up_from = "2026-09-21"
warm_up_per_day = ["2", "3"]
)",
           roomy()};
  const auto sent_at = [&](instant t) {
    std::size_t n = 0;
    for (std::uint64_t i = 1; i <= 6; ++i) s.put(row(i), "a", t);
    while (auto p = s.take(t)) {
      s.done(*p, well, t);
      ++n;
    }
    return n;
  };
  CHECK(sent_at(now) == 2);
  CHECK(sent_at(now + 1h) == 0);
  CHECK(sent_at(now + 24h) == 3);
  CHECK(sent_at(now + 48h) == 6);
}

TEST_CASE("a rate is kept over any period, and time alone opens it again") {
  set_of s{"[default]\nconnections_max = 8\nrate = \"10/min\"\n",
           {.in_memory_max = {4, 400}, .share_max = 400, .in_flight_max = 80}};
  for (std::uint64_t i = 1; i <= 100; ++i) s.put(row(i), "a");
  std::vector<instant> starts;
  auto t = now;
  while (starts.size() < 60) {
    while (const auto p = s.take(t)) {
      starts.push_back(t);
      s.done(*p, well, t);
    }
    REQUIRE(s.next_start());
    REQUIRE(*s.next_start() > t);
    t = *s.next_start();
  }
  for (std::size_t i = 10; i < starts.size(); ++i) CHECK(starts[i] - starts[i - 10] >= 60s);
  CHECK(starts.back() - starts.front() <= 7min);
}

TEST_CASE("what waits for the DNS has its place in memory and gives it back") {
  set_of s;
  CHECK(s.add_unplaced(row(1)) == added::yes);
  CHECK(s.add_unplaced(row(1)) == added::known);
  CHECK(s.loaded(lane::bulk) == 1);
  CHECK_FALSE(s.take(now));
  CHECK(s.take_unplaced("d").size() == 1);
  CHECK(s.size() == 0);
}

TEST_CASE("new rules hold for what is here already") {
  set_of s{"[default]\nrate = \"1/h\"\n"};
  for (std::uint64_t i = 1; i <= 3; ++i) s.put(row(i), "a");
  s.done(*s.take(now), well, now);
  CHECK_FALSE(s.take(now));
  s.set_rules(rules(""));
  CHECK(s.take(now));
  CHECK(s.take(now));
}
