// What operators ask and do: counts, lists, and acts on a part of the queue.
#include <catch2/catch.hpp>
#include <random>

#include "queue/queue_store.h"
#include "tests/unit/queue/store_fixture.h"

using namespace consentry;
using namespace consentry::queue;
using namespace consentry::queue::tests;
using namespace std::chrono_literals;

namespace {

struct busy_queue {
  consentry::tests::temp_folder folder;
  store_on q{folder.path()};

  std::shared_ptr<const std::set<std::string>> domains(std::set<std::string> names) {
    return std::make_shared<const std::set<std::string>>(std::move(names));
  }
  void change(const std::function<void(write_txn&)>& f) { q.commits.run(f).value(); }
  void defer(std::uint64_t id, instant until) {
    auto r = q.recipient(id);
    r.attempts += 1;
    r.next_attempt_at = until;
    change([&](write_txn& txn) { q.store.update(txn, r); });
  }
  std::vector<std::uint64_t> listed(const queue_filter& f) {
    return q.env
        .read([&](read_txn& txn) {
          std::vector<std::uint64_t> out;
          std::string resume;
          do {
            for (const auto& m : q.store.list(txn, f, resume, 2)) out.push_back(m.id.value);
          } while (!resume.empty());
          return out;
        })
        .value();
  }
  template <class F>
  auto read(F f) {
    return q.env.read([&](read_txn& txn) { return f(txn, q.store.waiting()); }).value();
  }
  // Every count, as a walk over all rows gives it.
  void check_counts() {
    std::map<std::pair<std::uint32_t, std::string>, queue_counts> by_campaign;
    std::map<std::string, queue_counts> by_domain;
    std::map<std::string, std::uint64_t> by_reason;
    queue_counts all;
    const auto txn = q.env.begin_read();
    std::string resume;
    do {
      for (const auto& m : q.store.list(txn, {}, resume, 1000)) {
        auto& campaign = by_campaign[{m.tenant.value, m.campaign}];
        ++campaign.messages;
        ++all.messages;
        for (const auto& r : q.store.recipients_of(txn, m)) {
          if (is_final(r.state)) continue;
          queue_counts one;
          (r.state == recipient_state::held ? one.held : one.queued) = 1;
          if (r.state == recipient_state::queued && r.attempts != 0) one.deferred = 1;
          campaign += one;
          by_domain[r.domain] += one;
          all += one;
          if (r.state == recipient_state::held) ++by_reason[r.reason];
        }
      }
    } while (!resume.empty());
    const auto& w = q.store.waiting();
    CHECK(w.of(txn) == all);
    std::size_t campaigns = 0;
    do {
      for (const auto& c : w.by_campaign(txn, {}, {}, {}, resume, 2)) {
        ++campaigns;
        CHECK(c.waiting == by_campaign[{c.tenant.value, c.campaign}]);
      }
    } while (!resume.empty());
    CHECK(campaigns == by_campaign.size());
    std::size_t domains = 0;
    do {
      for (const auto& d : w.by_domain(txn, {}, resume, 2)) {
        ++domains;
        CHECK(d.waiting == by_domain[d.domain]);
      }
    } while (!resume.empty());
    CHECK(domains == by_domain.size());
    std::map<std::string, std::uint64_t> reasons;
    for (const auto& r : w.by_reason(txn, {}, resume, 100)) reasons[r.reason] += r.held;
    CHECK(reasons == by_reason);
  }
};

}  // namespace

TEST_CASE("who waits is counted by tenant, campaign, domain, reason and age", "[operations]") {
  busy_queue b;
  auto& q = b.q;
  auto held = to("carl", "c.example");
  held.state = recipient_state::held;
  held.reason = "content.hold";
  q.accept(bulk_message(), {to("anna", "a.example"), to("bela", "b.example"), held},
           "x");  // 1: 2-4
  auto later = bulk_message();
  later.accepted_at = noon + 3h;
  q.accept(later, {to("dora", "a.example")}, "x");  // 5: 6
  auto winter = bulk_message(8);
  winter.campaign = "winter";
  q.accept(winter, {to("emma", "a.example")}, "x");  // 7: 8
  b.defer(2, noon + 5min);
  b.defer(2, noon + 15min);  // counted once

  std::string resume;
  const auto campaigns = b.read([&](const read_txn& txn, const waiting_counts& w) {
    return w.by_campaign(txn, {}, {}, {}, resume, 10);
  });
  REQUIRE(campaigns.size() == 2);
  CHECK(campaigns[0].tenant.value == 7);
  CHECK(campaigns[0].campaign == "autumn");
  CHECK(campaigns[0].waiting == queue_counts{.queued = 3, .held = 1, .messages = 2, .deferred = 1});
  CHECK(campaigns[0].oldest == std::chrono::floor<std::chrono::hours>(noon));
  CHECK(campaigns[1].campaign == "winter");
  b.read([&](const read_txn& txn, const waiting_counts& w) {
    CHECK(w.by_campaign(txn, tenant_id{7}, smtp::stream::bulk, "autumn", resume, 10).size() == 1);
    CHECK(w.by_campaign(txn, tenant_id{7}, {}, "winter", resume, 10).empty());
    CHECK(w.of_domain(txn, "a.example") == queue_counts{.queued = 3, .deferred = 1});
    CHECK(w.of_domain(txn, "a.example", tenant_id{8}) == queue_counts{.queued = 1});
    CHECK(w.of_domain(txn, "a.exampl") == queue_counts{});
    CHECK(w.by_domain(txn, tenant_id{8}, resume, 10).size() == 1);
    const auto ages = w.by_age(txn, tenant_id{7}, {}, {});
    REQUIRE(ages.by_hour.size() == 2);
    CHECK(ages.by_hour.begin()->second.held == 1);
    CHECK(ages.by_hour.rbegin()->second.queued == 1);
    const auto reasons = w.by_reason(txn, {}, resume, 10);
    REQUIRE(reasons.size() == 1);
    CHECK(reasons[0].reason == "content.hold");
    CHECK(reasons[0].held == 1);
    CHECK(q.store.oldest(txn, flow_of(bulk_message()))->value == 1);
    return 0;
  });
  b.check_counts();

  b.change([&](write_txn& txn) { q.store.purge(txn, {}, "desk.purge", noon, "", 100, {}); });
  b.read([&](const read_txn& txn, const waiting_counts& w) {
    CHECK(w.by_campaign(txn, {}, {}, {}, resume, 10).empty());
    CHECK(w.by_domain(txn, {}, resume, 10).empty());
    CHECK(w.by_reason(txn, {}, resume, 10).empty());
    return 0;
  });
}

TEST_CASE("open mail is listed by what waits in it", "[operations]") {
  busy_queue b;
  auto& q = b.q;
  q.accept(bulk_message(), {to("a", "a.example"), to("b", "b.example")}, "x");  // 1: 2 3
  auto later = bulk_message();
  later.accepted_at = noon + 1h;
  q.accept(later, {to("c", "b.example")}, "x");  // 4: 5
  auto winter = bulk_message();
  winter.campaign = "winter";
  winter.accepted_at = noon + 2h;
  q.accept(winter, {to("d", "c.example")}, "x");  // 6: 7
  b.defer(5, noon + 5min);
  b.change([&](write_txn& txn) {
    q.store.hold(txn, {.campaign = "winter"}, "desk.look", noon, "", 100, {});
  });
  using list = std::vector<std::uint64_t>;
  CHECK(b.listed({.campaign = "winter"}) == list{6});
  CHECK(b.listed({.tenant = tenant_id{7}, .stream = smtp::stream::bulk, .campaign = "autumn"}) ==
        list{1, 4});
  CHECK(b.listed({.domains = b.domains({"b.example"})}) == list{1, 4});
  CHECK(b.listed({.domains = b.domains({"a.example", "c.example"})}).size() == 2);
  CHECK(b.listed({.state = waits::untried}) == list{1});
  CHECK(b.listed({.state = waits::deferred}) == list{4});
  CHECK(b.listed({.state = waits::held}) == list{6});
  CHECK(b.listed({.held_because = "desk.look"}) == list{6});
  CHECK(b.listed({.held_because = "other"}).empty());
  CHECK(b.listed({.tenant = tenant_id{7}, .campaign = "autumn", .accepted_before = noon + 1h}) ==
        list{1});
  CHECK(b.listed({.accepted_from = noon + 1h}).size() == 2);
  CHECK(b.listed({.recipient = recipient_id{3}}) == list{1});
  CHECK(b.listed({.tenant = tenant_id{9}}).empty());
}

TEST_CASE("a list that finds nothing stops after a bounded part of the queue", "[operations]") {
  busy_queue b;
  auto& q = b.q;
  auto spooled = q.bodies.append("x").value();
  b.change([&](write_txn& txn) {
    auto m = bulk_message();
    m.body_at = spooled.location;
    for (std::size_t i = 0; i < queue_store::list_looks_max; ++i)
      q.store.accept(txn, m, std::vector{to("a", "a.example")});
  });
  const auto txn = q.env.begin_read();
  std::string resume;
  CHECK(q.store.list(txn, {.domains = b.domains({"z.example"})}, resume, 10).empty());
  REQUIRE_FALSE(resume.empty());
  int pages = 1;
  do {
    CHECK(q.store.list(txn, {.domains = b.domains({"z.example"})}, resume, 10).empty());
    ++pages;
  } while (!resume.empty() && pages < 10);
  CHECK(pages == 2);  // two looks a message
  // A flow that is not meant costs one look, however long it is.
  CHECK(q.store.list(txn, {.campaign = "winter"}, resume, 10).empty());
  CHECK(resume.empty());
}

TEST_CASE("requeue makes what waits for a later attempt due now, wherever its row lies",
          "[operations]") {
  busy_queue b;
  auto& q = b.q;
  q.accept(bulk_message(), {to("a", "a.example"), to("b", "b.example"), to("c", "b.example")}, "x");
  b.defer(2, noon + 1h);
  b.defer(3, noon + 1h);
  const auto rows = q.due(lane::bulk, noon + 1h);
  REQUIRE(rows.size() == 3);
  for (const auto& row : rows)
    if (row.recipient.value == 3)
      b.change([&](write_txn& txn) { q.store.park(txn, {&row, 1}, "slow"); });
  slice done;
  b.change([&](write_txn& txn) { done = q.store.requeue(txn, {}, noon + 1min, "", 100); });
  CHECK(done.changed == 2);  // the third was due anyway
  CHECK(q.recipient(2).next_attempt_at == noon + 1min);
  CHECK(q.recipient(4).next_attempt_at == noon);
  CHECK(q.due(lane::bulk, noon + 1min).size() == 3);
  b.check_counts();

  const auto parked = [&] {
    return q.env
        .read([&](read_txn& txn) {
          return q.store.parked(txn, lane::bulk, "slow", flow_of(bulk_message()), {}, 10).size();
        })
        .value();
  };
  CHECK(parked() == 1);
  b.change([&](write_txn& txn) {
    CHECK(q.store.drop_stale_parked(txn, {.tenant = tenant_id{8}}, "", 100).changed == 0);
    CHECK(q.store.drop_stale_parked(txn, {.campaign = "autumn"}, "", 100).changed == 1);
  });
  CHECK(parked() == 0);
}

TEST_CASE("what is moved to another pool says so in its row, and on any later one",
          "[operations]") {
  busy_queue b;
  auto& q = b.q;
  q.accept(bulk_message(), {to("a", "a.example"), to("b", "b.example")}, "x");
  b.change([&](write_txn& txn) {
    const auto f = queue_filter{.domains = b.domains({"b.example"})};
    CHECK(q.store.assign_pool(txn, f, "warm", noon, "", 100).changed == 1);
    CHECK(q.store.assign_pool(txn, f, "warm", noon, "", 100).changed == 0);
  });
  const auto pool_of = [&](std::uint64_t id) {
    for (const auto& row : q.due(lane::bulk, noon + 24h))
      if (row.recipient.value == id) return row.domain + "/" + row.pool;
    return std::string{"none"};
  };
  CHECK(pool_of(2) == "a.example/");
  CHECK(pool_of(3) == "b.example/warm");
  // An attempt that was on its way does not take it back.
  auto r = q.recipient(3);
  r.pool.clear();
  r.attempts = 1;
  r.next_attempt_at = noon + 5min;
  b.change([&](write_txn& txn) { q.store.update(txn, r); });
  CHECK(pool_of(3) == "b.example/warm");
  for (const auto& row : q.due(lane::bulk, noon + 24h))
    b.change([&](write_txn& txn) { q.store.park(txn, {&row, 1}, "slow"); });
  const auto rows =
      q.env
          .read([&](read_txn& txn) {
            return q.store.parked(txn, lane::bulk, "slow", flow_of(bulk_message()), {}, 10);
          })
          .value();
  REQUIRE(rows.size() == 2);
  CHECK(rows[1].pool == "warm");
  b.check_counts();
}

TEST_CASE("whether anything is due", "[operations]") {
  busy_queue b;
  auto& q = b.q;
  const auto due = [&](instant now) {
    return q.env.read([&](read_txn& txn) { return q.store.is_any_due(txn, now, 100); }).value();
  };
  CHECK_FALSE(due(noon));
  q.accept(bulk_message(), {to("a", "a.example", noon + 1h)}, "x");
  CHECK_FALSE(due(noon));
  CHECK(due(noon + 1h));
  const auto rows = q.due(lane::bulk, noon + 1h);
  b.change([&](write_txn& txn) { q.store.park(txn, rows, "slow"); });
  CHECK_FALSE(due(noon + 1h));
}

TEST_CASE("any order of acts leaves the counts true", "[operations]") {
  const auto seed = GENERATE(1u, 2u, 3u, 4u);
  std::minstd_rand random{seed};
  const auto one_of = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  busy_queue b;
  auto& q = b.q;
  const std::vector<std::string> campaigns{"autumn", "autum", "winter", ""};
  std::uint64_t last = 0;
  for (int round = 0; round < 120; ++round) {
    queue_filter f;
    if (one_of(2) != 0) f.tenant = tenant_id{7 + one_of(2)};
    if (one_of(2) != 0) f.campaign = campaigns[one_of(4)];
    if (one_of(3) == 0) f.domains = b.domains({"d" + std::to_string(one_of(4)) + ".example"});
    if (one_of(3) == 0) f.state = static_cast<waits>(one_of(3));
    const auto now = noon + std::chrono::minutes{round};
    const auto rows = 1 + one_of(40);
    const auto act = [&](auto step) {
      slice s;
      do {
        b.change([&](write_txn& txn) { s = step(txn, s.resume); });
      } while (s.more);
    };
    switch (one_of(8)) {
      case 0:
        act([&](write_txn& t, const std::string& at) {
          return q.store.hold(t, f, one_of(2) != 0 ? "x" : "y", now, at, rows, {});
        });
        break;
      case 1:
        act([&](write_txn& t, const std::string& at) {
          return q.store.release(t, f, now, at, rows, {});
        });
        break;
      case 2:
        act([&](write_txn& t, const std::string& at) {
          return one_of(4) != 0 ? slice{} : q.store.purge(t, f, "x", now, at, rows, {});
        });
        break;
      case 3:
        act([&](write_txn& t, const std::string& at) {
          return q.store.requeue(t, f, now, at, rows);
        });
        break;
      case 4:
        act([&](write_txn& t, const std::string& at) {
          return q.store.assign_pool(t, f, one_of(2) != 0 ? "warm" : "", now, at, rows);
        });
        break;
      default:
        if (last != 0 && one_of(2) != 0) {
          const recipient_id id{1 + one_of(static_cast<std::uint32_t>(last))};
          const auto found = q.store.recipient(q.env.begin_read(), id);
          if (!found) break;
          auto r = *found;
          r.attempts += 1;
          r.state = one_of(2) != 0 ? recipient_state::queued : recipient_state::delivered;
          r.next_attempt_at = now + 1h;
          b.change([&](write_txn& txn) { q.store.update(txn, r); });
          break;
        }
        auto m = bulk_message(7 + one_of(2));
        m.campaign = campaigns[one_of(4)];
        m.accepted_at = now;
        std::vector<queued_recipient> who;
        for (auto n = 1 + one_of(3); n > 0; --n)
          who.push_back(to("a", "d" + std::to_string(one_of(4)) + ".example", now));
        last = q.accept(m, who, "x").value + who.size();
    }
  }
  b.check_counts();
}

// What the counters cost a message, beside all that the store does for it: run by hand, in a
// release build, for docs/decisions/queue-operations.md.
TEST_CASE("the cost of counting", "[.cost]") {
  const std::uint32_t domains = GENERATE(50u, 20'000u);
  busy_queue b;
  auto& q = b.q;
  std::minstd_rand random{1};
  auto spooled = q.bodies.append("x").value();
  auto m = bulk_message();
  m.body_at = spooled.location;
  constexpr int groups = 4000, group = 16;
  const auto timed = [&](const char* what, auto each) {
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < groups; ++i)
      b.change([&](write_txn& txn) {
        for (int k = 0; k < group; ++k) each(txn);
      });
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begun;
    WARN(domains << " domains, " << what << ": " << took.count() / groups / group
                 << " us a message");
  };
  const auto bound_for = [&] { return "d" + std::to_string(random() % domains) + ".example"; };
  const auto one = [&] { return to("a", bound_for()); };
  timed("accepted", [&](write_txn& txn) { q.store.accept(txn, m, std::vector{one()}); });
  timed("counted alone", [&](write_txn& txn) {
    waiting_changes counted;
    const auto r = one();
    counted.recipient(m, r, r.domain, 1);
    counted.message(m, 1);
    q.store.waiting().apply(txn, counted);
  });
  timed("nothing but the commit", [&](write_txn& txn) { txn.put(q.ids, "x", bound_for()); });
}
