#include "reputation/tally.h"

#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "base/bytes.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::reputation;
using namespace std::chrono_literals;
using smtp::stream;
using effect = complaint_effect;

namespace {

const instant start = *parse_timestamp("2024-03-01T12:00:00");
constexpr std::chrono::hours day{24};

std::string person(int n) {
  return byte_writer{}.be64(0).be64(static_cast<std::uint64_t>(n)).take();
}

struct counting {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 64u << 20}};
  tally counts{env, 90};

  template <class F>
  auto write(F f) {
    auto txn = env.begin_write();
    auto r = f(txn);
    txn.commit();
    return r;
  }
  // A bulk mail of tenant 1 in campaign "spring" to person n, unless changed.
  static delivery_facts mail(std::uint64_t recipient, int who, instant at = start) {
    static std::map<int, std::string> persons;  // delivery_facts holds views
    const auto& p = persons.emplace(who, person(who)).first->second;
    return {.recipient = {recipient},
            .message = {1},
            .tenant = {1},
            .stream = stream::bulk,
            .campaign = "spring",
            .topic = "news",
            .person = p,
            .at = at};
  }
  bool deliver(const delivery_facts& d) {
    return write([&](write_txn& txn) { return counts.record_delivered(txn, d).is_news; });
  }
  effect complain(std::uint64_t recipient, instant at = start + day) {
    return write([&](write_txn& txn) { return counts.record_complaint(txn, {recipient}, at); })
        .effect;
  }
  bool reverse(std::uint64_t recipient, instant at = start + 2 * day) {
    return write([&](write_txn& txn) { return counts.reverse_complaint(txn, {recipient}, at); });
  }
  complaint_count campaign(std::string_view name = "spring", std::uint32_t epoch = 1) {
    const auto f =
        counts.figures_with(env.begin_read(), {1}, epoch, window_ending(day_of(start), 30), name);
    return f.campaigns.at(0).count;
  }
  complaint_count window(instant today, int days = 30, std::uint32_t epoch = 1) {
    return counts.figures(env.begin_read(), {1}, epoch, window_ending(day_of(today), days), 10)
        .tenant;
  }
  // Everything that is counted, byte by byte.
  std::map<std::string, std::string> tallies() {
    std::map<std::string, std::string> all;
    for (const char* name : {"campaign_tallies", "day_tallies", "complaints"}) {
      const auto t = env.open_table(name);
      const auto txn = env.begin_read();
      for (auto c = txn.scan(t); c.next();)
        all[std::string{name} + std::string{c.key()}] = c.value();
    }
    return all;
  }
};

}  // namespace

TEST_CASE("deliveries count per campaign and per day, bulk only, once") {
  counting c;
  CHECK(c.deliver(c.mail(2, 1)));
  CHECK_FALSE(c.deliver(c.mail(2, 1)));
  CHECK(c.deliver(c.mail(3, 2, start + day)));
  auto receipt = c.mail(4, 3);
  receipt.stream = stream::transactional;
  CHECK(c.deliver(receipt));
  auto other = c.mail(5, 3);
  other.campaign = "summer";
  CHECK(c.deliver(other));
  auto foreign = c.mail(6, 3);
  foreign.tenant = {2};
  CHECK(c.deliver(foreign));
  CHECK(c.campaign() == complaint_count{2, 0});
  CHECK(c.campaign("summer") == complaint_count{1, 0});
  CHECK(c.window(start) == complaint_count{2, 0});
  CHECK(c.window(start + day) == complaint_count{3, 0});
  const auto all =
      c.counts.figures(c.env.begin_read(), {1}, 1, window_ending(day_of(start), 30), 9);
  CHECK(all.campaigns == std::vector<campaign_figures>{{"spring", {2, 0}}, {"summer", {1, 0}}});
  const auto first =
      c.counts.figures(c.env.begin_read(), {1}, 1, window_ending(day_of(start), 30), 1);
  CHECK(first.campaigns.size() == 1);
}

TEST_CASE("what is remembered of a delivery") {
  counting c;
  c.deliver(c.mail(7, 1));
  c.write([&](write_txn& txn) {
    c.counts.mark(txn, {7}, sent_mark::bounced);
    c.counts.mark(txn, {7}, sent_mark::unsubscribed);
    return 0;
  });
  const auto r = c.counts.find(c.env.begin_read(), {7});
  REQUIRE(r);
  CHECK(r->tenant == tenant_id{1});
  CHECK(r->message == message_id{1});
  CHECK(r->campaign == "spring");
  CHECK(r->topic == "news");
  CHECK(r->person == person(1));
  CHECK(r->delivered_at == start);
  CHECK(to_date(r->send_day) == *parse_date("2024-03-01"));
  CHECK(r->bounced);
  CHECK(r->unsubscribed);
  CHECK(c.campaign() == complaint_count{1, 0});  // neither takes from N (A5)
  CHECK_FALSE(c.counts.find(c.env.begin_read(), {8}));
  CHECK(decode_sent_record(encode(*r)) == *r);
  CHECK_THROWS_AS(decode_sent_record(encode(*r) + "x"), decode_error);
}

TEST_CASE("what a complaint does") {
  counting c;
  c.deliver(c.mail(2, 1));
  c.deliver(c.mail(3, 1));  // the same person, the same campaign, a second mail
  c.deliver(c.mail(4, 2));
  auto other = c.mail(5, 1);
  other.campaign = "summer";
  c.deliver(other);
  auto receipt = c.mail(6, 3);
  receipt.stream = stream::transactional;
  c.deliver(receipt);
  CHECK(c.complain(3) == effect::counted);
  CHECK(c.complain(3) == effect::duplicate);
  CHECK(c.complain(3, start + 5 * day) == effect::duplicate);
  CHECK(c.complain(2) == effect::duplicate);
  CHECK(c.complain(4) == effect::counted);
  CHECK(c.complain(5) == effect::counted);
  CHECK(c.complain(6) == effect::not_bulk);
  CHECK(c.complain(99) == effect::not_sent);
  CHECK(c.campaign() == complaint_count{3, 2});
  CHECK(c.campaign("summer") == complaint_count{1, 1});
  CHECK(c.window(start) == complaint_count{4, 3});
}

TEST_CASE("a complaint is too old more than 90 days after the day of sending (C2)") {
  counting c;
  c.deliver(c.mail(2, 1));
  c.deliver(c.mail(3, 2));
  CHECK(c.complain(2, start + 91 * day) == effect::too_old);
  CHECK(c.complain(3, start + 90 * day) == effect::counted);
  CHECK(c.complain(2, start + 89 * day) == effect::counted);
  CHECK(c.complain(2, start + 91 * day) == effect::too_old);
  CHECK(c.campaign() == complaint_count{2, 2});
}

TEST_CASE("a late complaint joins the cohort of its message's day") {
  counting c;
  c.deliver(c.mail(2, 1, start));
  c.deliver(c.mail(3, 2, start + 40 * day));
  CHECK(c.complain(2, start + 40 * day) == effect::counted);
  CHECK(c.window(start + 40 * day) == complaint_count{1, 0});
  CHECK(c.window(start + 29 * day) == complaint_count{1, 1});
  CHECK(c.window(start + 30 * day) == complaint_count{0, 0});
  CHECK(c.campaign() == complaint_count{2, 1});
}

TEST_CASE("the day of sending is the one in Budapest") {
  counting c;
  // 23:30 UTC on 31 March is 01:30 on 1 April in Budapest.
  const auto night = *parse_timestamp("2024-03-31T23:30:00Z");
  c.deliver(c.mail(2, 1, night));
  CHECK(to_date(c.counts.find(c.env.begin_read(), {2})->send_day) == *parse_date("2024-04-01"));
}

TEST_CASE("not-spam takes one complaint back, a later complaint counts again") {
  counting c;
  c.deliver(c.mail(2, 1));
  CHECK_FALSE(c.reverse(2, start + 1h));
  CHECK(c.complain(2, start + 30min) == effect::reversed);
  CHECK(c.campaign() == complaint_count{1, 0});
  CHECK(c.complain(2, start + 2h) == effect::counted);
  CHECK(c.reverse(2, start + 3h));
  CHECK(c.campaign() == complaint_count{1, 0});
  CHECK_FALSE(c.reverse(2, start + 3h));
  // Another complaint of the same person in that campaign stands in for the one taken back.
  c.deliver(c.mail(3, 1));
  CHECK(c.complain(3) == effect::counted);
  CHECK(c.complain(2, start + 4h) == effect::duplicate);
  CHECK_FALSE(c.reverse(2, start + 5h));
  CHECK(c.campaign() == complaint_count{2, 1});
}

TEST_CASE("a complaint that overtakes the news of its delivery counts once that is known") {
  counting c;
  CHECK(c.complain(2) == effect::not_sent);
  CHECK(c.tallies().empty());
  CHECK(c.deliver(c.mail(2, 1)));
  CHECK(c.campaign() == complaint_count{1, 1});
  CHECK(c.complain(2) == effect::duplicate);
}

TEST_CASE("of a flood of reports on one mail the earliest are remembered, in any order") {
  std::vector<int> hours{11, 3, 7, 1, 9, 5, 2, 10, 8, 4, 6, 3, 11};
  counting c;
  c.deliver(c.mail(2, 1));
  for (const int h : hours) c.complain(2, start + std::chrono::hours{h});
  std::vector<instant> expected;
  for (int h = 1; h <= 8; ++h) expected.push_back(start + std::chrono::hours{h});
  CHECK(c.counts.find(c.env.begin_read(), {2})->complaints == expected);
  CHECK(c.campaign() == complaint_count{1, 1});
}

TEST_CASE("each epoch counts anew, and a complaint belongs to the epoch of its message") {
  counting c;
  c.deliver(c.mail(2, 1));
  auto later = c.mail(3, 1, start + day);
  later.epoch = 2;
  c.deliver(later);
  CHECK(c.complain(2, start + 3 * day) == effect::counted);
  CHECK(c.campaign("spring", 1) == complaint_count{1, 1});
  CHECK(c.campaign("spring", 2) == complaint_count{1, 0});
  CHECK(c.window(start + 3 * day, 30, 2) == complaint_count{1, 0});
  // Known before the reset, complained of again after it: the new count has its own.
  CHECK(c.complain(3, start + 3 * day) == effect::counted);
  CHECK(c.campaign("spring", 2) == complaint_count{1, 1});
}

TEST_CASE("long campaign names are counted apart") {
  counting c;
  const std::string a = std::string(600, 'c') + "a", b = std::string(600, 'c') + "b";
  for (const auto& [recipient, name] : {std::pair{2, a}, {3, b}, {4, b}}) {
    auto d = c.mail(recipient, recipient);
    d.campaign = name;
    c.deliver(d);
    c.complain(recipient);
  }
  CHECK(c.campaign(a) == complaint_count{1, 1});
  CHECK(c.campaign(b) == complaint_count{2, 2});
  CHECK(c.campaign("") == complaint_count{0, 0});
}

TEST_CASE("any order and any repetition of events gives the same tallies") {
  using step = std::function<void(counting&)>;
  const auto seed = Catch::rngSeed() != 0 ? Catch::rngSeed() : 20240301u;
  std::mt19937 random{seed};
  INFO("seed " << seed);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 15; ++round) {
    std::vector<step> steps;
    for (int r = 1; r <= 12; ++r) {
      auto d = counting::mail(static_cast<std::uint64_t>(r), pick(4), start + pick(3) * day);
      if (pick(4) == 0) d.campaign = "summer";
      if (pick(6) == 0) d.stream = stream::transactional;
      d.epoch = pick(5) == 0 ? 2 : 1;
      if (pick(8) != 0) steps.push_back([d](counting& c) { c.deliver(d); });
      if (pick(5) == 0) {  // told again with another time: the earlier stands
        d.at += 5 * day;
        d.epoch = 2;
        steps.push_back([d](counting& c) { c.deliver(d); });
      }
      for (int n = pick(4); n > 0; --n) {
        const auto at = start + pick(100) * day;
        const auto id = static_cast<std::uint64_t>(r);
        if (pick(3) == 0)
          steps.push_back([id, at](counting& c) { c.reverse(id, at); });
        else
          steps.push_back([id, at](counting& c) { c.complain(id, at); });
      }
    }
    counting straight;
    for (const auto& s : steps) s(straight);
    const auto expected = straight.tallies();
    for (int order = 0; order < 3; ++order) {
      auto shuffled = steps;
      for (int n = 0; n < 10; ++n) shuffled.push_back(steps[random() % steps.size()]);
      std::ranges::shuffle(shuffled, random);
      counting other;
      for (const auto& s : shuffled) s(other);
      REQUIRE(other.tallies() == expected);
    }
  }
}

TEST_CASE("tallies agree with a slow count over everything sent") {
  std::mt19937 random{7};
  counting c;
  struct letter {
    int who;
    std::string campaign;
    bool complained = false;
  };
  std::map<std::uint64_t, letter> letters;
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t r = 1 + random() % 60;
    const int who = static_cast<int>(r % 7);
    if (random() % 2) {
      auto d = c.mail(r, who);
      d.campaign = r % 2 ? "odd" : "even";
      c.deliver(d);
      letters[r].who = who;
      letters[r].campaign = d.campaign;
    } else if (letters.contains(r)) {
      c.complain(r);
      letters[r].complained = true;
    }
  }
  for (const char* name : {"odd", "even"}) {
    complaint_count slow;
    std::set<int> complainers;
    for (const auto& [r, l] : letters)
      if (l.campaign == name) {
        ++slow.delivered;
        if (l.complained) complainers.insert(l.who);
      }
    slow.complaints = complainers.size();
    CHECK(c.campaign(name) == slow);
  }
}
