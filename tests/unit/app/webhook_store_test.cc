// Webhooks and what they could not be told, as they lie in the store; how batches are signed.
#include <catch2/catch.hpp>

#include "app/webhook_courier.h"
#include "base/sealed_text.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using tests::app_world;

namespace {

webhook sample(const std::string& url) {
  webhook w;
  w.url = url;
  w.only = {"delivered", "bounced"};
  w.secret = "sealed";
  w.old_secret_until = from_ms(5);
  w.paused_because = "by desk:anna";
  w.cursor = {17};
  w.attempts = 2;
  w.batch_through = {20};
  w.failures = 3;
  w.next_at = from_ms(99);
  w.told = 1234;
  w.told_at = from_ms(98);
  w.last_error = "answered 500";
  w.last_status = 500;
  w.created_at = from_ms(1);
  w.created_by = "tenant:boss";
  return w;
}

}  // namespace

TEST_CASE("a webhook comes back as it was stored, and a tenant has five at most", "[webhooks]") {
  app_world w;
  const auto acme = w.add_tenant("acme"), other = w.add_tenant("other");
  w.change([&](write_txn& txn) {
    for (int n = 0; n < 5; ++n)
      CHECK(w.rooms.webhooks.add(txn, acme, sample("https://a.example/")).has_value());
    const auto sixth = w.rooms.webhooks.add(txn, acme, sample("https://a.example/"));
    CHECK((!sixth && sixth.error().kind == failure_kind::conflict));
    CHECK(w.rooms.webhooks.add(txn, other, sample("https://b.example/"))->number == 1);
  });
  w.read([&](const read_txn& txn) {
    CHECK(w.rooms.webhooks.of_tenant(txn, acme).size() == 5);
    CHECK(w.rooms.webhooks.all(txn).size() == 6);
    const auto found = *w.rooms.webhooks.find(txn, {acme, 3});
    const auto wanted = sample("https://a.example/");
    CHECK(found.number == 3);
    CHECK(found.url == wanted.url);
    CHECK(found.only == wanted.only);
    CHECK(found.cursor == wanted.cursor);
    CHECK(found.batch_through == wanted.batch_through);
    CHECK(found.told_at == wanted.told_at);
    CHECK(found.created_by == wanted.created_by);
    CHECK(found.last_status == wanted.last_status);
    CHECK(found.next_at == wanted.next_at);
    return true;
  });
}

TEST_CASE("dead letters that follow each other are one", "[webhooks]") {
  app_world w;
  const webhook_id id{w.add_tenant("acme"), 1};
  const auto& store = w.rooms.webhooks;
  const auto dead = [&] {
    return w.read([&](const read_txn& txn) { return store.dead(txn, id); });
  };
  w.change([&](write_txn& txn) {
    store.put(txn, id, sample("https://a.example/"));
    store.bury(txn, id, {{10}, {14}, 3, from_ms(1), "answered 500"});
    store.bury(txn, id, {{15}, {19}, 4, from_ms(2), "answered 503"});
    store.bury(txn, id, {{30}, {31}, 1, from_ms(3), "answered 500"});
  });
  auto found = dead();
  REQUIRE(found.size() == 2);
  CHECK(found[0].first == journal_seq{10});
  CHECK(found[0].through == journal_seq{19});
  CHECK(found[0].outcomes == 7);
  CHECK(found[0].why == "answered 503");
  // One that is on its way again is left alone.
  w.change([&](write_txn& txn) {
    auto d = found[1];
    d.is_wanted = true;
    store.put(txn, id, d);
    store.bury(txn, id, {{32}, {33}, 1, from_ms(4), "answered 500"});
  });
  CHECK(dead().size() == 3);
  CHECK(w.read([&](const read_txn& txn) { return store.next_wanted(txn, id); })->first ==
        journal_seq{30});
  w.change([&](write_txn& txn) { CHECK(store.remove(txn, id)); });
  CHECK(dead().empty());
}

TEST_CASE("names of webhooks", "[webhooks]") {
  CHECK(webhook_name(3) == "w3");
  CHECK(parse_webhook_name("w3") == 3);
  for (const auto* wrong : {"", "w", "w0", "3", "w3x", "w-1", "w99999999999"})
    CHECK_FALSE(parse_webhook_name(wrong));
}

TEST_CASE("a batch is signed as the guide says, by each secret that counts", "[webhooks]") {
  // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
  CHECK(webhook_signature({"key"}, 1'700'000'000, "{}") ==
        "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae");
  const auto two = webhook_signature({"key", "old"}, 1'700'000'000, "{}");
  CHECK(two.find(",v1=") != two.rfind(",v1="));
  const std::string seal_key(32, 'k');
  const auto made = make_webhook_secret(seal_key);
  CHECK(made.shown.starts_with("whsec_"));
  CHECK(unseal(seal_key, "webhook secret", made.sealed) == made.shown);
  CHECK(made.sealed.find(made.shown) == std::string::npos);
}
