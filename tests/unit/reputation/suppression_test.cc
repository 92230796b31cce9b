#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "reputation/suppression_list.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::reputation;
using namespace std::chrono_literals;
using journal::event_kind;
using why = suppression_reason;

namespace {

const instant noon = from_ms(1'700'000'000'000);
constexpr std::chrono::hours day{24};
const std::string jane(16, 'j'), john(16, 'o');

struct world {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 16u << 20}};
  journal::event_journal journal{env};
  suppression_list list{env, journal};

  bool add(tenant_id tenant, const std::string& person, const suppression& s) {
    auto txn = env.begin_write();
    const bool changed = list.add(txn, tenant, person, s, "gateway");
    txn.commit();
    return changed;
  }
  result<void> remove(tenant_id tenant, const std::string& person, std::string_view actor,
                      std::string_view reason) {
    auto txn = env.begin_write();
    auto r = list.remove(txn, tenant, person, actor, reason, noon);
    txn.commit();
    return r;
  }
  std::optional<suppression> find(tenant_id tenant, const std::string& person, instant now = noon) {
    return list.find(env.begin_read(), tenant, person, now);
  }
};

}  // namespace

TEST_CASE("a suppressed person is found under that tenant alone") {
  world w;
  const suppression s{.reason = why::complaint,
                      .source = "arf:fbl.example.net",
                      .at = noon,
                      .message = {40},
                      .recipient = {41},
                      .campaign = "spring"};
  CHECK(w.add({1}, jane, s));
  CHECK(w.find({1}, jane) == s);
  CHECK_FALSE(w.find({1}, john));
  CHECK_FALSE(w.find({2}, jane));
  CHECK_FALSE(w.find({0}, jane));
  CHECK(w.add({0}, john, s));
  CHECK(w.find({0}, john));
  CHECK_FALSE(w.find({1}, john));
  const auto told = w.journal.of_message(w.env.begin_read(), {40}, 10);
  REQUIRE(told.size() == 2);
  CHECK(told[0].what.kind == event_kind::suppressed);
  CHECK(told[0].what.person == jane);
  CHECK(told[0].what.reason == "complaint");
  CHECK(told[0].what.recipient == recipient_id{41});
  CHECK(told[0].what.facts.at("source") == "arf:fbl.example.net");
}

TEST_CASE("what comes later never sets anybody free") {
  const auto until = [](why reason, std::optional<instant> end) {
    return suppression{.reason = reason, .at = noon, .expires_at = end};
  };
  const struct {
    suppression first, second;
    bool changes;
    suppression expected;
  } table[] = {
      {until(why::complaint, {}), until(why::complaint, {}), false, until(why::complaint, {})},
      {until(why::complaint, {}), until(why::hard_bounce, {}), false, until(why::complaint, {})},
      {until(why::hard_bounce, {}), until(why::complaint, {}), true, until(why::complaint, {})},
      {until(why::manual, noon + day), until(why::manual, noon + 2 * day), true,
       until(why::manual, noon + 2 * day)},
      {until(why::manual, noon + 2 * day), until(why::manual, noon + day), false,
       until(why::manual, noon + 2 * day)},
      {until(why::manual, {}), until(why::complaint, noon + day), true, until(why::complaint, {})},
      {until(why::complaint, noon + day), until(why::hard_bounce, {}), true,
       until(why::complaint, {})},
  };
  for (const auto& row : table) {
    world w;
    w.add({1}, jane, row.first);
    CHECK(w.add({1}, jane, row.second) == row.changes);
    CHECK(w.find({1}, jane) == row.expected);
    CHECK(w.journal.tail(w.env.begin_read(), 10).size() == (row.changes ? 2 : 1));
  }
}

TEST_CASE("C5, D4: what the desk stopped stands, whoever speaks before or after it") {
  const suppression desk{.reason = why::manual, .source = "desk:anna letter 12", .at = noon};
  const suppression own{.reason = why::manual, .source = "tenant:crm", .at = noon};
  const suppression left{.reason = why::unsubscribe, .source = "tenant:crm", .at = noon + day};
  const suppression spam{.reason = why::complaint, .source = "arf", .at = noon + day};
  // An unsubscribe, which a newer consent lifts, does not take its place; nor is it the tenant's.
  for (const auto& other : {own, left, suppression{.reason = why::withdrawn, .at = noon + day}}) {
    CHECK(merge(desk, other) == desk);
    CHECK(merge(other, desk) == desk);
  }
  CHECK(merge(desk, spam) == spam);
  CHECK(merge(own, left) == left);
  CHECK(is_tenants_own(own));
  CHECK_FALSE(is_tenants_own(desk));
  // With an end: an unsubscribe beside it has none, and what stands lasts as long as either.
  auto ending = desk;
  ending.expires_at = noon + 30 * day;
  CHECK(merge(ending, ending).expires_at == noon + 30 * day);
  CHECK_FALSE(merge(ending, left).expires_at);
}

TEST_CASE("D3: who unsubscribes again is not freed by the consent between") {
  const suppression first{.reason = why::unsubscribe, .source = "list", .at = noon};
  auto again = first;
  again.at = noon + 2 * day;
  CHECK(merge(first, again).at == again.at);
  CHECK(merge(again, first).at == again.at);
  CHECK(merge(first, {.reason = why::withdrawn, .at = again.at}).at == again.at);
  world w;
  CHECK(w.add({1}, jane, first));
  CHECK(w.add({1}, jane, again));
  CHECK_FALSE(w.add({1}, jane, first));
  CHECK(w.find({1}, jane)->at == again.at);
}

TEST_CASE("D4: which suppressions a newer consent lifts") {
  CHECK(is_lifted_by_consent(why::unsubscribe));
  CHECK(is_lifted_by_consent(why::withdrawn));
  for (const auto r : {why::hard_bounce, why::manual, why::complaint})
    CHECK_FALSE(is_lifted_by_consent(r));
}

TEST_CASE("an expired suppression is as none, and gives way to a new one") {
  world w;
  w.add({1}, jane, {.reason = why::complaint, .at = noon, .expires_at = noon + day});
  CHECK(w.find({1}, jane, noon + day - 1ms));
  CHECK_FALSE(w.find({1}, jane, noon + day));
  const suppression later{.reason = why::hard_bounce, .at = noon + 2 * day};
  CHECK(w.add({1}, jane, later));
  CHECK(w.find({1}, jane, noon + 3 * day) == later);
}

TEST_CASE("only a named person with a reason lifts a suppression") {
  world w;
  w.add({1}, jane, {.reason = why::manual, .at = noon});
  CHECK(w.remove({1}, jane, "", "asked for it").error().kind == failure_kind::invalid);
  CHECK(w.remove({1}, jane, "desk:anna", " ").error().kind == failure_kind::invalid);
  CHECK(w.remove({2}, jane, "desk:anna", "asked").error().kind == failure_kind::not_found);
  CHECK(w.find({1}, jane));
  REQUIRE(w.remove({1}, jane, "desk:anna", "asked for it").has_value());
  CHECK_FALSE(w.find({1}, jane));
  CHECK(w.remove({1}, jane, "desk:anna", "again").error().kind == failure_kind::not_found);
  const auto told = w.journal.tail(w.env.begin_read(), 10);
  REQUIRE(told.size() == 2);
  CHECK(told[1].what.kind == event_kind::unsuppressed);
  CHECK(told[1].what.actor == "desk:anna");
  CHECK(told[1].what.reason == "asked for it");
  CHECK(told[1].what.facts.at("was") == "manual");
}

TEST_CASE("a suppression is stored whole and read strictly") {
  const suppression s{.reason = why::unsubscribe,
                      .source = "one-click",
                      .at = noon,
                      .expires_at = noon + day,
                      .message = {1},
                      .recipient = {2},
                      .campaign = "c"};
  CHECK(decode_suppression(encode(s)) == s);
  CHECK_THROWS_AS(decode_suppression(encode(s) + "x"), decode_error);
  CHECK_THROWS_AS(decode_suppression(encode(s).substr(0, 9)), decode_error);
  for (const auto r :
       {why::hard_bounce, why::manual, why::withdrawn, why::unsubscribe, why::complaint})
    CHECK(parse_suppression_reason(to_string(r)) == r);
  CHECK_FALSE(parse_suppression_reason("unknown"));
}
