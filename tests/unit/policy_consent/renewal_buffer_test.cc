#include "policy/consent/renewal_buffer.h"

#include <catch2/catch.hpp>

#include "tests/unit/policy_consent/consent_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;
using journal::event_kind;

namespace {

journal::event delivered(const consent_key& key, std::string_view when, std::uint64_t recipient,
                         smtp::stream stream = smtp::stream::bulk) {
  journal::event e;
  e.kind = event_kind::delivered;
  e.at = at(when);
  e.tenant = key.tenant;
  e.recipient = recipient_id{recipient};
  e.stream = stream;
  e.person = key.person;
  e.topic = key.topic;
  e.facts["sender"] = key.sender;
  return e;
}

struct renewing_world : world {
  renewal_buffer buffer{env, ledger, journal};

  journal_seq tell(const journal::event& e, bool observe = true) {
    const auto seq = write([&](write_txn& txn) { return journal.append(txn, e); });
    if (observe) buffer.observe(seq, e);
    return seq;
  }
  renewal_batch apply_one(renewal_buffer& b) {
    const auto batch = b.collect(env.begin_read());
    write([&](write_txn& txn) { b.apply(txn, batch); });
    b.applied(batch);
    return batch;
  }
  std::optional<instant> first(const consent_key& key) {
    const auto r = buffer.find(env.begin_read(), key);
    return r && r->first_delivery ? std::optional{r->first_delivery->at} : std::nullopt;
  }
  std::optional<instant> stored_first(const consent_key& key) {
    const auto r = find(key);
    return r && r->first_delivery ? std::optional{r->first_delivery->at} : std::nullopt;
  }
};

}  // namespace

TEST_CASE("A3: a delivery is seen at once and stored later") {
  renewing_world w;
  const auto key = key_of("jane");
  w.put(key, given("2024-03-15"));
  w.tell(delivered(key, "2024-06-01", 5));
  CHECK(w.first(key) == at("2024-06-01"));
  CHECK_FALSE(w.stored_first(key));
  const auto batch = w.apply_one(w.buffer);
  CHECK(batch.renewals.size() == 1);
  CHECK(w.stored_first(key) == at("2024-06-01"));
  CHECK(w.first(key) == at("2024-06-01"));
  CHECK(w.history().back() == "consent_renewed");
  w.tell(delivered(key, "2024-07-01", 6));
  w.apply_one(w.buffer);
  CHECK(w.find(key)->last_delivery->at == at("2024-07-01"));
  CHECK(w.buffer.pending() == 1);  // the last batch stays for readers that began before it
  CHECK(w.buffer.collect(w.env.begin_read()).is_idle());
}

TEST_CASE("A3: a restart loses no delivery") {
  renewing_world w;
  const auto key = key_of("jane");
  w.put(key, given("2024-03-15"));
  w.tell(delivered(key, "2024-06-01", 5), false);  // journaled, and the process dies
  CHECK_FALSE(w.first(key));
  renewal_buffer after_restart{w.env, w.ledger, w.journal};
  w.apply_one(after_restart);
  CHECK(w.stored_first(key) == at("2024-06-01"));
}

TEST_CASE("A3: batches are bounded and continue at the watermark") {
  renewing_world w;
  for (int i = 0; i < 25; ++i) {
    const auto key = key_of("p" + std::to_string(i));
    w.put(key, given("2024-03-15", key));
    w.tell(delivered(key, "2024-06-01", 100 + static_cast<std::uint64_t>(i)));
  }
  renewal_buffer small{w.env, w.ledger, w.journal, {.batch_renewals_max = 10}};
  std::vector<std::size_t> sizes;
  for (bool more = true; more;) {
    const auto batch = w.apply_one(small);
    sizes.push_back(batch.renewals.size());
    CHECK(std::ranges::is_sorted(batch.renewals, {},
                                 [](const renewal& r) { return stored_key(r.key); }));
    more = batch.is_more;
    REQUIRE(sizes.size() < 10);
  }
  CHECK(sizes[0] == 10);
  for (int i = 0; i < 25; ++i) CHECK(w.stored_first(key_of("p" + std::to_string(i))));
}

TEST_CASE("a batch applied twice, or out of turn, changes nothing") {
  renewing_world w;
  const auto key = key_of("jane");
  w.put(key, given("2024-03-15"));
  w.tell(delivered(key, "2024-06-01", 5));
  const auto stale = w.buffer.collect(w.env.begin_read());
  w.apply_one(w.buffer);
  const auto entries = w.history().size();
  w.write([&](write_txn& txn) { w.buffer.apply(txn, stale); });
  CHECK(w.history().size() == entries);
  w.tell(delivered(key, "2024-07-01", 6));
  const auto newest = w.apply_one(w.buffer);
  w.write([&](write_txn& txn) { w.buffer.apply(txn, stale); });
  CHECK(w.buffer.collect(w.env.begin_read()).after == newest.through);  // the mark never goes back
}

TEST_CASE("A3: what does not renew") {
  renewing_world w;
  const auto key = key_of("jane");
  w.put(key, given("2024-03-15"));
  SECTION("a transactional mail") {
    w.tell(delivered(key, "2024-06-01", 5, smtp::stream::transactional));
  }
  SECTION("another topic") {
    w.tell(delivered(key_of("jane", "offers"), "2024-06-01", 5));
  }
  SECTION("another sender") {
    w.tell(delivered(key_of("jane", "news", "Sister Kft."), "2024-06-01", 5));
  }
  SECTION("a mail before the consent") {
    w.tell(delivered(key, "2024-03-14T23:59:59", 5));
  }
  SECTION("a mail that came back later") {
    w.tell(delivered(key, "2024-06-01", 5));
    auto bounce = delivered(key, "2024-06-02", 5);
    bounce.kind = event_kind::bounced;
    bounce.facts["after_delivery"] = "5.1.1";
    w.tell(bounce);
  }
  SECTION("a deferral") {
    auto e = delivered(key, "2024-06-01", 5);
    e.kind = event_kind::deferred;
    w.tell(e);
  }
  CHECK_FALSE(w.first(key));
  w.apply_one(w.buffer);
  CHECK_FALSE(w.stored_first(key));
}

TEST_CASE("deliveries told out of order are pending in the journal's order") {
  renewing_world w;
  const auto key = key_of("jane");
  w.put(key, given("2024-03-15"));
  auto delivery = delivered(key, "2024-06-01", 5);
  auto bounce = delivered(key, "2024-06-02", 5);
  bounce.kind = event_kind::bounced;
  bounce.facts["after_delivery"] = "5.1.1";
  const auto first = w.tell(delivery, false);
  const auto second = w.tell(bounce, false);
  w.buffer.observe(second, bounce);
  w.buffer.observe(first, delivery);
  CHECK_FALSE(w.first(key));
}

TEST_CASE("a delivery that is told after it was applied does not stay pending") {
  renewing_world w;
  const auto key = key_of("jane");
  w.put(key, given("2024-03-15"));
  const auto e = delivered(key, "2024-06-01", 5);
  const auto seq = w.tell(e, false);
  w.apply_one(w.buffer);
  w.buffer.observe(seq, e);
  CHECK(w.buffer.pending() == 0);
}
