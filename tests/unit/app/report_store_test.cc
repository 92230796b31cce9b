#include "app/report_store.h"

#include <catch2/catch.hpp>

#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::app_world;

namespace {

report_record record(std::uint64_t number, tenant_id tenant, report_state state, instant at) {
  report_record r;
  r.number = {number};
  r.tenant = tenant;
  r.state = state;
  r.at = at;
  r.type = "abuse";
  r.channel = "feedback";
  r.person = std::string(16, 'p');
  r.signatures = std::string(16, static_cast<char>('a' + number % 20)) + std::string(16, 'z');
  r.packed_raw = packed_report("mail " + std::to_string(number));
  return r;
}

std::vector<std::uint64_t> listed(app_world& w, const report_store::filter& which,
                                  std::uint64_t before = 0, std::size_t limit = 100) {
  return w.read([&](read_txn& txn) {
    journal_seq next;
    std::vector<std::uint64_t> out;
    for (const auto& r : w.rooms.reports.list(txn, which, {before}, limit, next))
      out.push_back(r.number.value);
    return out;
  });
}

}  // namespace

TEST_CASE("a report is stored as it is, found by its number and listed newest first") {
  app_world w;
  const tenant_id shop{1}, nobody{};
  const auto now = w.clock.now();
  const auto first = record(5, shop, report_state::counted, now);
  auto second = record(9, nobody, report_state::open, now);
  const auto third = record(12, shop, report_state::open, now);
  w.change([&](write_txn& txn) {
    for (const auto& r : {first, second, third}) w.rooms.reports.put(txn, r);
  });
  const auto found = w.read([&](read_txn& txn) { return w.rooms.reports.find(txn, {5}); });
  CHECK(found == first);
  CHECK(found->raw() == "mail 5");
  CHECK_FALSE(w.read([&](read_txn& txn) { return w.rooms.reports.find(txn, {6}); }));
  CHECK(listed(w, {}) == std::vector<std::uint64_t>{12, 9, 5});
  CHECK(listed(w, {}, 12) == std::vector<std::uint64_t>{9, 5});
  CHECK(listed(w, {}, 0, 1) == std::vector<std::uint64_t>{12});
  CHECK(listed(w, {.state = report_state::open}) == std::vector<std::uint64_t>{12, 9});
  CHECK(listed(w, {.tenant = shop}) == std::vector<std::uint64_t>{12, 5});
  CHECK(listed(w, {.tenant = nobody}) == std::vector<std::uint64_t>{9});

  // A person says whose mail it is.
  second.tenant = shop;
  second.state = report_state::confirmed;
  w.change([&](write_txn& txn) { w.rooms.reports.put(txn, second); });
  CHECK(listed(w, {.tenant = nobody}).empty());
  CHECK(listed(w, {.tenant = shop}) == std::vector<std::uint64_t>{12, 9, 5});
  CHECK(listed(w, {.state = report_state::confirmed}) == std::vector<std::uint64_t>{9});
}

TEST_CASE("reports end after their time, those of a removed tenant too, and their signatures") {
  app_world w;
  const tenant_id shop{1}, rival{2};
  const auto now = w.clock.now();
  const auto day = std::chrono::hours{24};
  w.change([&](write_txn& txn) {
    w.rooms.reports.put(txn, record(1, shop, report_state::open, now - 10 * day));
    w.rooms.reports.put(txn, record(2, rival, report_state::open, now - 9 * day));
    w.rooms.reports.put(txn, record(3, rival, report_state::open, now));
  });
  const auto is_replayed = [&](char c) {
    return w.read([&](read_txn& txn) {
      return w.rooms.reports.is_replayed(txn, std::string(16, 'x') + std::string(16, c));
    });
  };
  CHECK(is_replayed('b'));
  CHECK(is_replayed('z'));
  CHECK_FALSE(is_replayed('y'));
  w.change([&](write_txn& txn) { w.rooms.by_tenant.sweep(txn, shop, 100); });
  CHECK(listed(w, {}) == std::vector<std::uint64_t>{3, 2});
  bool more = true;
  w.change([&](write_txn& txn) { more = w.rooms.reports.trim(txn, now - 5 * day, 1); });
  CHECK(more);
  CHECK_FALSE(is_replayed('b'));
  w.change([&](write_txn& txn) { more = w.rooms.reports.trim(txn, now - 5 * day, 100); });
  CHECK_FALSE(more);
  CHECK(listed(w, {}) == std::vector<std::uint64_t>{3});
  CHECK_FALSE(is_replayed('c'));
  CHECK(is_replayed('d'));
}
