#include "policy/consent/consent_history.h"

#include <catch2/catch.hpp>
#include <random>

#include "policy/consent/slice_writer.h"
#include "tests/unit/policy_consent/consent_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;
using journal::event_kind;

namespace {

journal::event mail(event_kind kind, const consent_key& key, instant when,
                    std::uint64_t recipient) {
  journal::event e;
  e.kind = kind;
  e.at = when;
  e.tenant = key.tenant;
  e.recipient = recipient_id{recipient};
  e.stream = smtp::stream::bulk;
  e.person = key.person;
  e.topic = key.topic;
  e.facts["sender"] = key.sender;
  if (kind == event_kind::bounced) e.facts["after_delivery"] = "5.1.1";
  return e;
}

struct history_world : world {
  renewal_buffer buffer{env, ledger, journal, {.batch_renewals_max = 10}};

  void tell(const journal::event& e) {
    write([&](write_txn& txn) { journal.append(txn, e); });
  }
  void apply_all(renewal_buffer& b) {
    for (bool more = true; more;) {
      const auto batch = b.collect(env.begin_read());
      write([&](write_txn& txn) { b.apply(txn, batch); });
      b.applied(batch);
      more = batch.is_more;
    }
  }
  std::vector<std::string> chain(std::string_view who, std::size_t limit = 100) {
    std::vector<std::string> out;
    for (const auto& e :
         history_of(env.begin_read(), journal, ledger, tenant_id{1}, person(who), limit))
      out.emplace_back(journal::to_string(e.what.kind));
    return out;
  }
  void import(const consent_key& key, std::string_view when) {
    write([&](write_txn& txn) {
      slice_facts about{.tenant = key.tenant, .rows = 1, .by = {at("2026-01-01"), "import:anna"}};
      write_slice(txn, ledger, about, [&](slice_writer& s) {
        auto r = given(when, key);
        s.put(key, r, {"jane@x.hu", ""});
      });
    });
  }
  bool expire(const consent_key& key, std::string_view when) {
    return write([&](write_txn& txn) {
      return ledger.note_expired(txn, key, recipient_id{9}, "A3", {at(when), "gateway"});
    });
  }
};

}  // namespace

TEST_CASE("D1: a person's chain: imported, renewed, refused, expired, given anew, withdrawn") {
  history_world w;
  const auto jane = key_of("jane"), john = key_of("john");
  w.import(jane, "2024-03-15");
  w.put(john, given("2024-03-15", john));
  w.tell(mail(event_kind::delivered, jane, at("2024-06-01"), 5));
  w.apply_all(w.buffer);
  w.write([&](write_txn& txn) {
    CHECK(w.ledger.note_refused(txn, {jane, "import.provenance_forbidden"},
                                {at("2024-07-01"), "api:crm"}));
  });
  CHECK(w.expire(jane, "2025-07-01"));
  w.import(jane, "2025-08-01");
  w.withdraw(jane, "2025-09-01");
  CHECK(w.chain("jane") == std::vector<std::string>{"consent_imported", "consent_renewed",
                                                    "consent_refused", "consent_expired",
                                                    "consent_imported", "consent_withdrawn"});
  CHECK(w.chain("jane", 2) == std::vector<std::string>{"consent_imported", "consent_withdrawn"});
  CHECK(w.chain("john") == std::vector<std::string>{"consent_given"});
  CHECK(w.chain("nobody").empty());
  const auto refused =
      w.journal.of_person(w.env.begin_read(), tenant_id{1}, person("jane"), 100).at(2).what;
  CHECK(refused.reason == "import.provenance_forbidden");
  CHECK(refused.rule == "A2.5.1");
}

TEST_CASE("A3: that a consent expired is told once for each evidence") {
  history_world w;
  const auto jane = key_of("jane"), offers = key_of("jane", "offers");
  CHECK_FALSE(w.expire(jane, "2025-07-01"));  // there is none
  w.put(jane, given("2024-03-15", jane));
  w.put(offers, given("2024-03-15", offers));
  CHECK(w.expire(jane, "2025-07-01"));
  CHECK_FALSE(w.expire(jane, "2025-08-01"));
  CHECK(w.expire(offers, "2025-08-01"));
  w.put(jane, given("2025-08-15", jane));
  CHECK(w.expire(jane, "2026-09-01"));
  CHECK_FALSE(w.expire(jane, "2026-09-02"));
}

// Property: what the journal tells gives one picture, whatever the size of the batches it is
// applied in and whatever was applied twice; withdrawals in between hold in all of them.
TEST_CASE("replaying the journal in any batch size gives the same views") {
  std::mt19937 random{20240315};
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (int round = 0; round < 12; ++round) {
    struct fact {
      enum { delivery, bounce, withdrawal, withdrawal_of_all } what;
      consent_key key;
      instant when;
      std::uint64_t recipient;
    };
    std::vector<fact> facts;
    for (int i = 0; i < 60; ++i) {
      fact f{fact::delivery,
             key_of("p" + std::to_string(below(5)), below(3) == 0 ? "offers" : "news"),
             at("2024-03-10") + std::chrono::hours{below(24 * 500)}, below(40) + 1};
      if (below(5) == 0) f.what = fact::bounce;
      if (below(12) == 0) f.what = below(2) == 0 ? fact::withdrawal : fact::withdrawal_of_all;
      facts.push_back(f);
    }
    std::optional<std::vector<std::string>> first_picture;
    for (const std::size_t batch : {1U, 2U, 7U, 1000U}) {
      history_world w;
      renewal_buffer b{w.env, w.ledger, w.journal, {.batch_renewals_max = batch}};
      for (int p = 0; p < 5; ++p)
        for (const auto* topic : {"news", "offers"}) {
          const auto key = key_of("p" + std::to_string(p), topic);
          w.put(key, given("2024-03-15", key));
        }
      for (std::size_t i = 0; i < facts.size(); ++i) {
        const auto& f = facts[i];
        const auto when = to_string_utc(f.when);
        if (f.what == fact::withdrawal) w.withdraw(f.key, when);
        if (f.what == fact::withdrawal_of_all) w.withdraw_all(f.key, when);
        if (f.what == fact::delivery)
          w.tell(mail(event_kind::delivered, f.key, f.when, f.recipient));
        if (f.what == fact::bounce) w.tell(mail(event_kind::bounced, f.key, f.when, f.recipient));
        // The small ones go along with the journal, the large one comes at the end.
        if (batch < 1000 && i % batch == 0) w.apply_all(b);
      }
      w.apply_all(b);
      w.apply_all(b);
      std::vector<std::string> picture;
      for (int p = 0; p < 5; ++p)
        for (const auto& l :
             w.ledger.list(w.env.begin_read(), tenant_id{1}, person("p" + std::to_string(p))))
          picture.push_back(encode(l.record));
      if (!first_picture) first_picture = picture;
      CHECK(picture == *first_picture);
    }
  }
}

TEST_CASE("a tenant's consents are listed page by page, and no other's") {
  world w;
  std::vector<consent_key> keys;
  for (int i = 0; i < 25; ++i) keys.push_back(key_of("p" + std::to_string(i)));
  for (const auto& key : keys) w.put(key, given("2024-03-15", key));
  w.withdraw_all(key_of("p3"), "2024-06-01");
  w.put(key_of("jane", "news", "Shop Kft.", 2), given("2024-03-15"));
  w.put(key_of("jane", "news", "Shop Kft.", 0), given("2024-03-15"));
  for (const std::size_t limit : {1U, 4U, 26U, 100U}) {
    std::size_t seen = 0, all_topics = 0;
    std::string after, last;
    do {
      const auto page = w.ledger.list_tenant(w.env.begin_read(), tenant_id{1}, after, limit);
      CHECK(page.consents.size() <= limit);
      for (const auto& c : page.consents) {
        ++seen;
        all_topics += c.all_topics ? 1 : 0;
        CHECK(c.key.tenant == tenant_id{1});
      }
      after = page.next;
    } while (!after.empty());
    CHECK(seen == 26);
    CHECK(all_topics == 1);
  }
}
