// RULES D4: an erasure stays one, whatever comes after it in whatever order.
#include <algorithm>
#include <random>

#include "tests/unit/policy_consent/consent_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;

namespace {

const act by{.at = from_ms(1'741'608'000'000), .actor = "desk:eva"};  // 2025-03-10T12:00:00Z

void erase(world& w, std::string_view when) {
  w.write([&](write_txn& txn) {
    w.ledger.erase_person(txn, tenant_id{1}, person("jane"), at(when), erased_method, "letter", by);
  });
}

}  // namespace

TEST_CASE("D4: an erasure takes every topic, and the person, and nobody else's") {
  world w;
  w.write([&](write_txn& txn) {
    for (const char* topic : {"news", "offers"})
      w.ledger.put(txn, key_of("jane", topic), given("2025-01-01T10:00:00Z", key_of("jane", topic)),
                   by);
    w.ledger.put(txn, key_of("bob"), given("2025-01-01T10:00:00Z", key_of("bob")), by);
    w.ledger.put_person(txn, tenant_id{1}, person("jane"), {"jane@x.hu", "Jane"});
    const auto done = w.ledger.erase_person(
        txn, tenant_id{1}, person("jane"), at("2025-03-10T12:00:00Z"), erased_method, "letter", by);
    CHECK(done.consents == 2);
    CHECK(done.person);
    CHECK(done.is_news());
    // The same again is no news, and no journal entry.
    const auto last = w.journal.last(txn);
    CHECK_FALSE(w.ledger
                    .erase_person(txn, tenant_id{1}, person("jane"), at("2025-03-10T12:00:00Z"),
                                  erased_method, "letter", by)
                    .is_news());
    CHECK(w.journal.last(txn) == last);
  });
  auto txn = w.env.begin_read();
  CHECK_FALSE(w.ledger.find_person(txn, tenant_id{1}, person("jane")));
  CHECK(w.ledger.list(txn, tenant_id{1}, person("jane")).size() == 1);
  CHECK_FALSE(w.ledger.find(txn, key_of("bob"))->is_withdrawn());
}

TEST_CASE("D4, property: no order of older consents and withdrawals brings an erased person back") {
  std::mt19937 random{20250310};
  for (int round = 0; round < 60; ++round) {
    world w;
    std::vector<int> steps{0, 1, 2, 3, 4, 5};
    std::ranges::shuffle(steps, random);
    bool is_erased = false;
    for (const int step : steps) {
      if (step == 0) {
        erase(w, "2025-03-10T12:00:00Z");
        is_erased = true;
        continue;
      }
      w.write([&](write_txn& txn) {
        const auto key = key_of("jane", step % 2 == 0 ? "news" : "offers");
        if (step == 5) {
          w.ledger.withdraw_all(
              txn, tenant_id{1}, person("jane"),
              at(random() % 2 != 0U ? "2025-04-01T00:00:00Z" : "2025-02-01T00:00:00Z"), "one_click",
              by);
          return;
        }
        const auto day = std::to_string(10 + random() % 18);
        auto record = given("2025-02-" + day + "T10:00:00Z", key);
        if (step > 2)
          w.ledger.put_imported(txn, key, record, by);
        else
          w.ledger.put(txn, key, record, by);
      });
      if (!is_erased) continue;
      auto txn = w.env.begin_read();
      CHECK(w.ledger.list(txn, tenant_id{1}, person("jane")).size() == 1);
    }
    auto txn = w.env.begin_read();
    for (const char* topic : {"news", "offers"})
      CHECK(w.ledger.find(txn, key_of("jane", topic))->is_withdrawn());
    CHECK(w.ledger.list(txn, tenant_id{1}, person("jane")).size() == 1);
    CHECK(w.ledger.is_erased(txn, tenant_id{1}, person("jane"), at("2025-03-10T12:00:00Z")));
    CHECK_FALSE(w.ledger.is_erased(txn, tenant_id{1}, person("jane"), at("2025-04-02T12:00:00Z")));
  }
}
