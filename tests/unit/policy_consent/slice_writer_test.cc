#include "policy/consent/slice_writer.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "tests/unit/policy_consent/consent_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;

namespace {

struct row {
  consent_key key;
  consent_record record;
};

row told(std::string_view who, std::string_view when, std::string_view topic = "news",
         std::uint32_t tenant = 1) {
  row r{key_of(who, topic, "Shop Kft.", tenant), {}};
  r.record = given(when, r.key);
  return r;
}

row withdrawn(std::string_view who, std::string_view when, std::string_view topic = "news") {
  row r{key_of(who, topic), {}};
  r.record.sender = r.key.sender;
  r.record.topic = r.key.topic;
  r.record.withdrawn_at = at(when);
  r.record.withdrawn_method = "import";
  return r;
}

void sort_rows(std::vector<row>& rows) {
  std::ranges::sort(rows, {}, [](const row& r) { return stored_key(r.key); });
}

struct slice_world : world {
  std::vector<put_outcome> outcomes;

  journal_seq import(std::vector<row> rows, bool tell_last = true) {
    journal_seq entry;
    write([&](write_txn& txn) {
      slice_facts about{.tenant = rows.at(0).key.tenant, .rows = rows.size(), .source = "a.csv"};
      about.by = {at("2026-01-01"), "import:anna"};
      if (tell_last) about.last_key = stored_key(rows.back().key);
      write_slice(txn, ledger, about, [&](slice_writer& s) {
        entry = s.entry();
        outcomes.clear();
        for (auto& r : rows)
          outcomes.push_back(s.put(r.key, r.record, {std::string{r.key.person} + "@x.hu", ""}));
      });
    });
    return entry;
  }
  std::vector<std::string> raw(const char* name) {
    std::vector<std::string> out;
    const auto txn = env.begin_read();
    auto at = txn.scan(env.open_table(name));
    while (at.next()) out.push_back(std::string{at.key()} + " " + std::string{at.value()});
    return out;
  }
};

}  // namespace

TEST_CASE("a slice is one journal entry, and each of its records names it") {
  slice_world w;
  std::vector<row> rows{told("jane", "2024-03-15"), told("john", "2024-03-16")};
  sort_rows(rows);
  const auto entry = w.import(rows);
  CHECK(w.history() == std::vector<std::string>{"consent_imported"});
  CHECK(w.find(key_of("jane"))->import_entry == entry);
  CHECK(w.find(key_of("john"))->import_entry == entry);
  CHECK(w.journal.of_person(w.env.begin_read(), tenant_id{1}, person("jane"), 10).empty());
  // When newer evidence takes its place, the slice stays in the person's history.
  const auto second = w.import({told("jane", "2024-05-01")});
  CHECK(w.find(key_of("jane"))->import_entry == second);
  const auto chain = w.journal.of_person(w.env.begin_read(), tenant_id{1}, person("jane"), 10);
  REQUIRE(chain.size() == 1);
  CHECK(chain[0].seq == entry);
}

TEST_CASE("the same key twice in a slice is joined, and a withdrawal in it holds") {
  slice_world w;
  w.import({told("jane", "2024-05-01"), told("jane", "2024-03-15")});
  CHECK(w.outcomes == std::vector{put_outcome::added, put_outcome::kept});
  CHECK(w.find(key_of("jane"))->given_at == at("2024-05-01"));
  w.import({withdrawn("john", "2024-06-01"), told("john", "2024-05-01")});
  CHECK(w.outcomes.back() == put_outcome::still_withdrawn);
  CHECK(w.state(key_of("john")) == "withdrawn");
  auto all = withdrawn("zoe", "2024-06-01", "");
  w.import({all, told("zoe", "2024-05-01")}, false);
  CHECK(w.state(key_of("zoe")) == "withdrawn");
}

TEST_CASE("D3: an older slice never revives a withdrawal, of a topic or of all") {
  slice_world w;
  w.withdraw(key_of("jane"), "2024-06-01");
  w.withdraw_all(key_of("john"), "2024-06-01");
  std::vector<row> rows{told("jane", "2024-05-01"), told("john", "2024-05-01"),
                        told("ada", "2024-05-01"), told("zoe", "2024-05-01")};
  sort_rows(rows);
  w.import(rows);
  CHECK(w.state(key_of("jane")) == "withdrawn");
  CHECK(w.state(key_of("john")) == "withdrawn");
  CHECK(w.state(key_of("ada")) == "given");
  CHECK(w.state(key_of("zoe")) == "given");
}

// The fast way must leave what the plain way leaves: over random lists, into stores that hold
// something already, between other tenants, sorted or not.
TEST_CASE("a slice leaves the records that putting row by row leaves") {
  std::mt19937 random{20240315};
  const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
  const auto day = [&] {
    const int d = below(28) + 1;
    return "2024-05-" + std::string(d < 10 ? "0" : "") + std::to_string(d);
  };
  for (int round = 0; round < 60; ++round) {
    slice_world fast, plain;
    for (auto* w : {&fast, &plain}) {
      w->put(key_of("neighbour", "news", "Shop Kft.", 2), given("2024-01-01"));
      w->put(key_of("before", "news", "Shop Kft.", 0), given("2024-01-01"));
    }
    for (int slice = 0; slice < 3; ++slice) {
      std::vector<row> rows;
      for (int i = below(12); i >= 0; --i) {
        const auto who = "p" + std::to_string(below(8));
        const std::string topic = below(2) == 0 ? "news" : "offers";
        rows.push_back(below(5) == 0 ? withdrawn(who, day(), below(3) == 0 ? "" : topic)
                                     : told(who, day(), topic));
      }
      const bool is_sorted = below(4) != 0;
      if (is_sorted) sort_rows(rows);
      fast.import(rows, is_sorted);
      for (const auto& r : rows) {
        if (r.record.given_at) {
          plain.write([&](write_txn& txn) {
            plain.ledger.put_imported(txn, r.key, r.record, {at("2026-01-01"), "import:anna"});
          });
        } else {
          const auto when = to_string_utc(*r.record.withdrawn_at);
          r.key.topic.empty() ? plain.withdraw_all(r.key, when) : plain.withdraw(r.key, when);
        }
      }
    }
    for (int p = 0; p < 8; ++p)
      for (const auto* topic : {"news", "offers"}) {
        const auto key = key_of("p" + std::to_string(p), topic);
        CHECK(fast.state(key) == plain.state(key));
        const auto a = fast.find(key), b = plain.find(key);
        CHECK((a ? a->given_at : std::nullopt) == (b ? b->given_at : std::nullopt));
        CHECK((a ? a->withdrawn_at : std::nullopt) == (b ? b->withdrawn_at : std::nullopt));
      }
    CHECK(fast.state(key_of("neighbour", "news", "Shop Kft.", 2)) == "given");
    CHECK(fast.state(key_of("before", "news", "Shop Kft.", 0)) == "given");
  }
}

TEST_CASE("what makes room for a slice comes back as it was") {
  slice_world w;
  std::vector<row> behind;
  for (int i = 0; i < 300; ++i)
    behind.push_back(told("n" + std::to_string(i), "2024-01-01", "news", 2));
  sort_rows(behind);
  w.import(behind);
  const auto consents = w.raw("consents"), persons = w.raw("persons");
  std::vector<row> rows;
  for (int i = 0; i < 300; ++i) rows.push_back(told("p" + std::to_string(i), "2024-01-01"));
  sort_rows(rows);
  w.import(rows);
  const auto with_consents = w.raw("consents"), with_persons = w.raw("persons");
  CHECK(with_consents.size() == 600);
  CHECK(std::ranges::includes(with_consents, consents));
  CHECK(with_persons.size() == 600);
  CHECK(std::ranges::includes(with_persons, persons));
}
