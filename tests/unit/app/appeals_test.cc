// RULES A2 clauses 3 and 13: a grievance is on record, and negotiated within 30 days.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "app/appeal_store.h"
#include "tests/unit/app/tenant_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::tenant_world;
using journal::event_kind;
namespace json = boost::json;

namespace {

json::value body_of(const admin::response& r) {
  return json::parse(r.body);
}

}  // namespace

TEST_CASE("an appeal has 30 days, of the calendar in Budapest") {
  tenant_world w;  // 2025-03-14
  w.add_tenant("shop");
  const auto made = w.ask("POST", {"tenants", "shop", "appeals"},
                          R"({"about": "block", "text": "Our list is clean."})");
  REQUIRE(made.status == 201);
  CHECK(body_of(made).at("appeal") == "a1");
  CHECK(body_of(made).at("due") == "2025-04-13");
  CHECK(body_of(made).at("days_left") == 30);
  CHECK(body_of(made).at("overdue") == false);
  const auto told_overdue = [&] {
    std::size_t n = 0;
    w.change([&](write_txn& txn) { n = w.rooms.appeals.tell_overdue(txn, w.clock.now()).size(); });
    return n;
  };
  w.clock.advance(std::chrono::hours{24 * 30 + 10});  // 13 April, 23 o'clock: summer time
  CHECK(told_overdue() == 0);
  w.clock.advance(std::chrono::hours{1});
  CHECK(told_overdue() == 1);
  CHECK(told_overdue() == 0);
  const auto warned = w.events(event_kind::warned);
  REQUIRE(warned.size() == 1);
  CHECK(warned[0].reason == "appeal.overdue");
  const auto open = body_of(w.ask("GET", {"appeals"})).at("appeals").as_array();
  REQUIRE(open.size() == 1);
  CHECK(open[0].at("tenant") == "shop");
  CHECK(open[0].at("days_left") == -1);
  CHECK(open[0].at("overdue") == true);
}

TEST_CASE("an appeal is decided once, with an answer that the tenant is told") {
  tenant_world w;
  w.add_tenant("shop");
  w.add_tenant("rival");
  const auto open = [&](const char* tenant, const char* text) {
    return w.ask("POST", {"tenants", tenant, "appeals"}, text).status;
  };
  CHECK(open("shop", R"({"about": "hold", "campaign": "spring", "text": "Why?"})") == 201);
  CHECK(open("rival", R"({"about": "suspension", "text": "We paid."})") == 201);
  CHECK(open("shop", R"({"about": "weather", "text": "Rain."})") == 422);
  CHECK(open("shop", R"({"about": "block", "text": " "})") == 422);
  const auto close = [&](const char* number, const char* body) {
    return w.ask("POST", {"tenants", "shop", "appeals", number, "close"}, body).status;
  };
  CHECK(close("a2", R"({"outcome": "granted", "answer": "x"})") == 404);
  CHECK(close("a1", R"({"outcome": "open", "answer": "x"})") == 422);
  CHECK(close("a1", R"({"outcome": "granted", "answer": "You were right."})") == 200);
  CHECK(close("a1", R"({"outcome": "rejected", "answer": "x"})") == 409);
  const auto all = body_of(w.ask("GET", {"tenants", "shop", "appeals"})).at("appeals").as_array();
  REQUIRE(all.size() == 1);
  CHECK(all[0].at("state") == "granted");
  CHECK(all[0].at("answer") == "You were right.");
  CHECK(body_of(w.ask("GET", {"appeals"})).at("appeals").as_array().size() == 1);  // rival's

  w.tell();
  const auto letters = w.letters();
  REQUIRE(letters.size() == 3);
  CHECK(letters[0].text.find("Due: 2025-04-13") != std::string::npos);
  CHECK(letters[2].text.find("You were right.") != std::string::npos);
  CHECK(letters[2].text.find("Decision: granted") != std::string::npos);
  std::size_t acts = 0;
  for (const auto& e : w.events(event_kind::desk_act)) acts += e.rule == "A2.3" ? 1 : 0;
  CHECK(acts == 3);
}

TEST_CASE("appeals are named as a3, and nothing else") {
  CHECK(parse_appeal_id("a3") == 3u);
  for (const char* bad : {"", "a", "a0", "a03", "3", "a3x", "a99999999999", "x3"})
    CHECK_FALSE(parse_appeal_id(bad));
}
