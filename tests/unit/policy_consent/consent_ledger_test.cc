#include "policy/consent/consent_ledger.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "tests/unit/policy_consent/consent_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;
using outcome = put_outcome;

TEST_CASE("A1.2: consent holds for its tenant, sender, topic and person only") {
  world w;
  const auto key = key_of("jane");
  CHECK(w.state(key) == "none");
  CHECK(w.put(key, given("2024-03-15")) == outcome::added);
  CHECK(w.state(key) == "given");
  CHECK(w.state(key_of("jane", " NEWS ", "shop kft.")) == "given");
  CHECK(w.state(key_of("john")) == "none");
  CHECK(w.state(key_of("jane", "offers")) == "none");
  CHECK(w.state(key_of("jane", "news", "Sister Kft.")) == "none");
  CHECK(w.state(key_of("jane", "news", "Shop Kft.", 2)) == "none");
}

TEST_CASE("5.2.1: a withdrawal refuses, only newer consent restores") {
  world w;
  const auto key = key_of("jane");
  w.put(key, given("2024-03-15T10:00:00"));
  CHECK(w.withdraw(key, "2024-05-01T12:00:00"));
  CHECK(w.state(key) == "withdrawn");
  CHECK_FALSE(w.withdraw(key, "2024-04-01"));  // an earlier one is no news
  CHECK(w.put(key, given("2024-03-15T10:00:00")) == outcome::still_withdrawn);
  CHECK(w.put(key, given("2024-05-01T12:00:00")) == outcome::still_withdrawn);
  CHECK(w.state(key) == "withdrawn");
  CHECK(w.put(key, given("2024-05-01T12:00:01")) == outcome::renewed);
  CHECK(w.state(key) == "given");
  CHECK(w.put(key, given("2024-04-01")) == outcome::kept);
  CHECK(w.find(key)->given_at == at("2024-05-01T12:00:01"));
  CHECK(w.history() == std::vector<std::string>{"consent_given", "consent_withdrawn",
                                                "consent_given", "consent_given"});
}

TEST_CASE("D3: a withdrawal from everything beats topics imported later") {
  world w;
  w.put(key_of("jane", "news"), given("2024-03-15", key_of("jane", "news")));
  CHECK(w.withdraw_all(key_of("jane"), "2024-06-01"));
  CHECK_FALSE(w.withdraw_all(key_of("jane"), "2024-06-01"));
  CHECK(w.state(key_of("jane", "news")) == "withdrawn");
  CHECK(w.state(key_of("jane", "never seen")) == "withdrawn");
  CHECK(w.put(key_of("jane", "offers"), given("2024-05-30", key_of("jane", "offers"))) ==
        outcome::still_withdrawn);
  CHECK(w.state(key_of("jane", "offers")) == "withdrawn");
  CHECK(w.put(key_of("jane", "offers"), given("2024-06-02", key_of("jane", "offers"))) ==
        outcome::renewed);
  CHECK(w.state(key_of("jane", "offers")) == "given");
  CHECK(w.state(key_of("john", "news")) == "none");
  CHECK(w.state(key_of("jane", "news", "Shop Kft.", 2)) == "none");
  const auto all = w.ledger.list(w.env.begin_read(), tenant_id{1}, person("jane"));
  REQUIRE(all.size() == 3);
  CHECK(all[0].all_topics);
}

TEST_CASE("D3: a withdrawal of what was never seen holds against older evidence") {
  world w;
  const auto key = key_of("jane");
  CHECK(w.withdraw(key, "2024-06-01"));
  CHECK(w.state(key) == "withdrawn");
  CHECK(w.put(key, given("2024-05-01")) == outcome::still_withdrawn);
}

// Property: whatever the order of consents and withdrawals, the newest fact decides.
TEST_CASE("D3: an older import never revives a withdrawal, in any order") {
  struct fact {
    bool is_withdrawal;
    bool is_all;
    int day;
  };
  std::mt19937 random{20240315};
  for (int round = 0; round < 150; ++round) {
    std::vector<fact> facts;
    for (int i = 0; i < 6; ++i)
      facts.push_back({random() % 2 == 0, random() % 4 == 0, static_cast<int>(random() % 28) + 1});
    world w;
    const auto key = key_of("jane");
    int newest_given = 0, newest_withdrawn = 0;
    std::string told;
    for (const auto& f : facts) {
      const auto when = "2024-05-" + std::string(f.day < 10 ? "0" : "") + std::to_string(f.day);
      told += (f.is_withdrawal ? (f.is_all ? "all " : "withdrawn ") : "given ") + when + "\n";
      if (!f.is_withdrawal) {
        w.put(key, given(when));
        newest_given = std::max(newest_given, f.day);
      } else {
        f.is_all ? w.withdraw_all(key, when) : w.withdraw(key, when);
        newest_withdrawn = std::max(newest_withdrawn, f.day);
      }
      INFO(told);
      const auto expected = newest_given > newest_withdrawn ? "given" : "withdrawn";
      CHECK(w.state(key) == expected);
    }
  }
}

TEST_CASE("an operation run a second time leaves the same records") {
  world w;
  const auto key = key_of("jane");
  const auto r = given("2024-03-15");
  {
    auto dropped = w.env.begin_write();
    w.ledger.put(dropped, key, r, {at("2026-01-01"), "desk:anna"});
  }
  CHECK(w.state(key) == "none");
  CHECK(w.history().empty());
  w.put(key, r);
  CHECK(w.put(key, r) == outcome::kept);
  CHECK(w.history() == std::vector<std::string>{"consent_given"});
}

TEST_CASE("the journal names the person by pseudonym and commits to the evidence") {
  world w;
  const auto key = key_of("jane");
  const auto r = given("2024-03-15");
  w.put(key, r);
  const auto e = w.journal.tail(w.env.begin_read(), 1).at(0).what;
  CHECK(e.person == key.person);
  CHECK(e.topic == "news");
  CHECK(e.commitment == commitment_to(key, r));
  auto confirmed = r;
  confirmed.confirmed_at = at("2024-03-15T01:00:00");
  w.put(key, confirmed);
  CHECK(w.history().back() == "consent_confirmed");
  CHECK(w.find(key)->confirmed_at == confirmed.confirmed_at);
}

TEST_CASE("a person keeps the name a later file leaves out") {
  world w;
  const auto put = [&](const person_record& p) {
    w.write([&](write_txn& txn) { w.ledger.put_person(txn, tenant_id{1}, person("jane"), p); });
  };
  put({"jane@example.hu", "Jane"});
  put({"jane@example.hu", ""});
  const auto p = w.ledger.find_person(w.env.begin_read(), tenant_id{1}, person("jane"));
  REQUIRE(p);
  CHECK(p->address == "jane@example.hu");
  CHECK(p->name == "Jane");
  CHECK_FALSE(w.ledger.find_person(w.env.begin_read(), tenant_id{2}, person("jane")));
}

TEST_CASE("A3: an objection reaches every topic of the tenant") {
  world w;
  w.put(key_of("jane"), given("2024-03-15"));
  w.write([&](write_txn& txn) {
    w.ledger.object_all(txn, tenant_id{1}, person("jane"), at("2024-08-01"));
  });
  CHECK(w.find(key_of("jane"))->objected_at == at("2024-08-01"));
  CHECK(w.state(key_of("jane")) == "given");
}
