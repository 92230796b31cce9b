// RULES A6: sector exemptions.
#include "policy/tenants/exemption_store.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::policy::tenants;

namespace {

instant at(std::string_view text) {
  return parse_timestamp(text).value();
}

struct world {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 16u << 20}};
  journal::event_journal journal{env};
  exemption_store store{env, journal};
  tenant_id shop{7};

  template <class F>
  auto write(F f) {
    auto txn = env.begin_write();
    auto r = f(txn);
    txn.commit();
    return r;
  }
  static exemption wanted(const std::string& category, const char* until) {
    exemption x;
    x.category = category;
    x.approver = "desk:anna";
    x.reason = "licence 12/2024";
    x.granted_at = at("2024-05-10T12:00:00");
    x.last_day = parse_date(until).value_or(civil_date{});
    return x;
  }
  result<granted_exemption> grant(const exemption& x) {
    return write([&](write_txn& txn) { return store.grant(txn, shop, x); });
  }
  result<exemption> end(std::uint32_t number, const char* when,
                        std::string_view reason = "misused") {
    return write(
        [&](write_txn& txn) { return store.end(txn, shop, number, reason, "desk:eva", at(when)); });
  }
  std::vector<exemption> all() { return store.all(env.begin_read(), shop); }
  std::vector<std::string> history() {
    std::vector<std::string> out;
    for (const auto& e : journal.tail(env.begin_read(), 100))
      out.push_back(e.what.facts.at("act") + " " + e.what.facts.at("exemption") + " " +
                    e.what.facts.at("category") + " " + e.what.actor + ": " + e.what.reason);
    return out;
  }
};

}  // namespace

TEST_CASE(
    "A6: an exemption is granted with approver, reason and last day, and stands in the journal") {
  world w;
  CHECK(w.all().empty());
  const auto granted = w.grant(world::wanted("S1", "2024-12-31"));
  REQUIRE(granted.has_value());
  CHECK(granted->is_new);
  CHECK(granted->what.number == 1);
  CHECK(w.all() == std::vector{granted->what});
  CHECK(w.history() ==
        std::vector<std::string>{"exemption.grant x1 S1 desk:anna: licence 12/2024"});
  CHECK(w.store.all(w.env.begin_read(), tenant_id{8}).empty());  // one tenant's alone
}

TEST_CASE(
    "A6: what cannot be exempted, or not so, is refused with the place, and nothing is written") {
  world w;
  struct row {
    exemption x;
    const char* text;
  };
  auto without_reason = world::wanted("S1", "2024-12-31");
  without_reason.reason.clear();
  auto without_approver = world::wanted("S1", "2024-12-31");
  without_approver.approver.clear();
  std::vector<row> rows{{world::wanted("S8", "2024-12-31"), "category: one of S1 to S7"},
                        {world::wanted("s1", "2024-12-31"), "category: one of S1 to S7"},
                        {world::wanted("", "2024-12-31"), "category: one of S1 to S7"},
                        {without_reason, "reason: "},
                        {without_approver, "approver: "},
                        {world::wanted("S1", "2024-05-09"), "until: "},
                        {world::wanted("S1", "2026-05-11"), "until: "},
                        {world::wanted("S1", "no day"), "until: "}};
  static const std::string hard[] = {"H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8"};
  for (const auto& h : hard) rows.push_back({world::wanted(h, "2024-12-31"), "category: H"});
  for (const auto& r : rows) {
    INFO(r.x.category << " " << r.text);
    const auto refused = w.grant(r.x);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == failure_kind::invalid);
    CHECK_THAT(refused.error().public_text, Catch::StartsWith(r.text));
  }
  CHECK(w.all().empty());
  CHECK(w.history().empty());
  CHECK(w.grant(world::wanted("S1", "2024-05-10")).has_value());  // today
  CHECK(w.grant(world::wanted("S1", "2026-05-10")).has_value());
}

TEST_CASE("A6: the same grant twice is one, another of the category overlaps it") {
  world w;
  const auto x = world::wanted("S4", "2024-12-31");
  REQUIRE(w.grant(x).has_value());
  auto again = x;
  again.granted_at = at("2024-06-01T12:00:00");
  const auto same = w.grant(again);
  REQUIRE(same.has_value());
  CHECK_FALSE(same->is_new);
  CHECK(same->what.number == 1);
  CHECK(same->what.granted_at == x.granted_at);
  CHECK(w.history().size() == 1);
  again.last_day = *parse_date("2025-12-31");
  CHECK(w.grant(again)->what.number == 2);
  CHECK(w.all().size() == 2);
  // Once ended, the same words grant a new one.
  REQUIRE(w.end(1, "2024-07-01T00:00:00").has_value());
  again = x;
  again.granted_at = at("2024-07-01T00:00:01");
  CHECK(w.grant(again)->what.number == 3);
}

TEST_CASE("A6: an exemption is ended before its day, once, and keeps its number") {
  world w;
  REQUIRE(w.grant(world::wanted("S4", "2024-12-31")).has_value());
  CHECK(w.end(2, "2024-06-01").error().kind == failure_kind::not_found);
  CHECK(w.end(1, "2024-06-01", "").error().kind == failure_kind::invalid);
  const auto ended = w.end(1, "2024-06-01T10:00:00");
  REQUIRE(ended.has_value());
  CHECK(ended->ended_by == "desk:eva");
  CHECK(ended->end_reason == "misused");
  CHECK(ended->counts_at(at("2024-06-01T09:59:59")));
  CHECK_FALSE(ended->counts_at(at("2024-06-01T10:00:00")));
  const auto twice = w.end(1, "2024-06-02T10:00:00", "another reason");
  CHECK(twice.value() == *ended);
  CHECK(w.history().back() == "exemption.end x1 S4 desk:eva: misused");
  CHECK(w.history().size() == 2);
  CHECK(w.grant(world::wanted("S4", "2024-12-31"))->what.number == 2);
  CHECK(w.end(2, "2025-01-01T00:00:00").error().kind == failure_kind::conflict);
  CHECK(w.end(2, "2024-12-31T23:59:59").has_value());
}

TEST_CASE("A6: a stored exemption comes back from its bytes; one of a hard category is none") {
  auto x = world::wanted("S7", "2024-12-31");
  x.number = 4;
  CHECK(decode_exemption(4, encode(x)) == x);
  x.ended_at = at("2024-06-01");
  x.ended_by = "desk:eva";
  x.end_reason = "ő";
  const auto bytes = encode(x);
  CHECK(decode_exemption(4, bytes) == x);
  for (std::size_t n = 0; n < bytes.size(); ++n)
    CHECK_THROWS_AS(decode_exemption(4, bytes.substr(0, n)), decode_error);
  CHECK_THROWS_AS(decode_exemption(4, bytes + "x"), decode_error);
  x.category = "H7";
  CHECK_THROWS_AS(decode_exemption(4, encode(x)), decode_error);
}

TEST_CASE("A6: how exemptions are named") {
  CHECK(exemption_id(12) == "x12");
  CHECK(parse_exemption_id("x12") == 12);
  for (const char* bad : {"", "x", "12", "x0", "x01", "x-1", "x1x", "X1", "x99999999999"})
    CHECK_FALSE(parse_exemption_id(bad));
}
