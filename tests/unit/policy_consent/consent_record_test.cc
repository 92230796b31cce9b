#include "policy/consent/consent_record.h"

#include <catch2/catch.hpp>

#include "tests/unit/policy_consent/consent_world.h"
#include "tests/unit/policy_consent/random_records.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;

TEST_CASE("A2 5.1: which provenances are none") {
  for (auto p : {"purchased", "Purchased", " rented ", "other_company", "other company",
                 "Other-Company", "harvested", "mailbox_copy", "unknown", "", "bought"})
    CHECK(is_forbidden_provenance(p));
  for (auto p : {"own_form", "own_shop", "event", "purchase", "paper_form"})
    CHECK_FALSE(is_forbidden_provenance(p));
  for (auto m : {"implicit", "preselected", "Pre-Selected"}) CHECK(is_implicit_method(m));
  for (auto m : {"web_form", "purchase", "double_opt_in"}) CHECK_FALSE(is_implicit_method(m));
}

TEST_CASE("joining records keeps the newest evidence and every withdrawal") {
  auto older = given("2024-01-01");
  auto newer = given("2024-06-01");
  newer.method = "paper";
  for (bool older_first : {true, false}) {
    const auto m = older_first ? merge(older, newer) : merge(newer, older);
    CHECK(m.given_at == newer.given_at);
    CHECK(m.method == "paper");
  }
  older.withdrawn_at = at("2024-03-01");
  CHECK(merge(newer, older).withdrawn_at == older.withdrawn_at);
  CHECK_FALSE(merge(newer, older).is_withdrawn());
  newer.withdrawn_at = at("2024-07-01");
  CHECK(merge(older, newer).is_withdrawn());
  CHECK(merge(older, newer).withdrawn_at == newer.withdrawn_at);
  auto confirmed = given("2024-06-01");
  confirmed.confirmed_at = at("2024-06-02");
  CHECK(merge(given("2024-06-01"), confirmed).confirmed_at == confirmed.confirmed_at);
}

TEST_CASE("A3: deliveries are kept in whatever order they are told") {
  const delivery_mark early{at("2024-02-01"), recipient_id{1}};
  const delivery_mark first{at("2024-04-01"), recipient_id{2}};
  const delivery_mark last{at("2024-05-01"), recipient_id{3}};
  auto a = given("2024-03-15");
  auto b = a;
  for (const auto& d : {early, first, last}) add_delivery(a, d);
  for (const auto& d : {last, first, early, last}) add_delivery(b, d);
  for (const auto* r : {&a, &b}) {
    CHECK(r->first_delivery == first);  // what came before the consent proves nothing
    CHECK(r->last_delivery == last);
  }
  SECTION("a bounce that came later takes one back") {
    retract_delivery(a, recipient_id{2});
    CHECK(a.first_delivery == last);
    retract_delivery(a, recipient_id{77});
    CHECK(a.first_delivery == last);
    retract_delivery(a, recipient_id{3});
    CHECK_FALSE(a.first_delivery);
    CHECK_FALSE(a.last_delivery);
  }
  SECTION("deliveries older than newer evidence are dropped, later ones count for it") {
    const auto m = merge(a, given("2024-04-15"));
    CHECK(m.first_delivery == last);
    CHECK(merge(a, given("2024-05-02")).first_delivery == std::nullopt);
  }
}

TEST_CASE("a commitment binds key and evidence, not what came after") {
  const auto key = key_of("jane");
  const auto r = given("2024-03-15");
  const auto c = commitment_to(key, r);
  CHECK(c.size() == 32);
  auto later = r;
  later.withdrawn_at = at("2025-01-01");
  CHECK(commitment_to(key, later) == c);
  auto other = r;
  other.method = "paper";
  CHECK(commitment_to(key, other) != c);
  other = r;
  other.salt[0] ^= 1;
  CHECK(commitment_to(key, other) != c);
  CHECK(commitment_to(key_of("john"), r) != c);
}

TEST_CASE("D1: a commitment binds what later versions added, and is as before without it") {
  const auto key = key_of("jane");
  const auto r = given("2024-03-15");
  const auto with = [&](auto change) {
    auto other = r;
    change(other);
    return commitment_to(key, other) != commitment_to(key, r);
  };
  CHECK(with([](auto& x) { x.doi_sent_at = at("2024-03-15"); }));
  CHECK(with([](auto& x) { x.purchase_id = "4711"; }));
  CHECK(with([](auto& x) { x.birth_day = parse_date("2000-01-01"); }));
  CHECK(with([](auto& x) { x.expires_on = parse_date("2024-12-31"); }));
  CHECK(with([](auto& x) { x.box_came_ticked = false; }));
  CHECK(with([](auto& x) { x.confirmed_ip = "192.0.2.2"; }));
  CHECK(with([](auto& x) { x.confirmed_user_agent = "Firefox"; }));
  CHECK_FALSE(with([](auto& x) { x.import_entry = journal_seq{7}; }));
}

TEST_CASE("D1: the first confirmation stands, and where it came from goes with it") {
  auto first = given("2024-03-15"), later = first;
  first.confirmed_at = at("2024-03-15T11:00:00");
  first.confirmed_ip = "192.0.2.1";
  later.confirmed_at = at("2024-03-15T12:00:00");
  later.confirmed_ip = "192.0.2.2";
  later.confirmed_user_agent = "Firefox";
  for (const auto& m : {merge(first, later), merge(later, first)}) {
    CHECK(m.confirmed_at == first.confirmed_at);
    CHECK(m.confirmed_ip == "192.0.2.1");
    CHECK(m.confirmed_user_agent.empty());
  }
  // The same act told with and without where it came from.
  auto bare = later;
  bare.confirmed_ip.clear();
  bare.confirmed_user_agent.clear();
  for (const auto& m : {merge(bare, later), merge(later, bare)}) {
    CHECK(m.confirmed_ip == "192.0.2.2");
    CHECK(m.confirmed_user_agent == "Firefox");
  }
  // A newer consent was not confirmed by it.
  CHECK(merge(first, given("2024-04-01")).confirmed_ip.empty());
}

TEST_CASE("D1: a record is named by its salt alone") {
  auto r = given("2024-03-15");
  const auto id = record_id(r);
  CHECK(id.size() == 17);
  r.method = "paper";
  CHECK(record_id(r) == id);
  r.salt[3] ^= 1;
  CHECK(record_id(r) != id);
  r.salt.clear();
  CHECK(record_id(r).empty());
}

// Property: whatever two sides know, and whatever one knows that the other does not.
TEST_CASE("joining is commutative and idempotent over random records") {
  random_records random{1};
  for (int i = 0; i < 3000; ++i) {
    const auto a = random.record();
    auto b = random.record();
    if (i % 3 == 0) b.given_at = a.given_at;
    if (i % 6 == 0) b.recorded_at = a.recorded_at;
    CHECK(merge(a, b) == merge(b, a));
    const auto both = merge(a, b);
    CHECK(merge(both, b) == both);
    CHECK(merge(both, a) == both);
  }
}
