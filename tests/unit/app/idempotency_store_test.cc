#include "app/idempotency_store.h"

#include <catch2/catch.hpp>

#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::app;
using std::chrono::hours;

namespace {

const instant noon = from_ms(1'700'000'000'000);
constexpr tenant_id acme{1}, rival{2};

struct world {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 16u << 20}};
  idempotency_store kept{env, {.answers_max = 3, .bytes_max = 2000}};

  void keep(tenant_id tenant, const std::string& key, instant at, const std::string& body = "{}") {
    auto txn = env.begin_write();
    kept.keep(txn, tenant, key, {.request = sha256(key), .at = at, .status = 200, .body = body});
    txn.commit();
  }
  std::string body(tenant_id tenant, const std::string& key, instant now) {
    const auto a = kept.find(env.begin_read(), tenant, key, now);
    return a ? a->body : "none";
  }
  bool has_room(tenant_id tenant) { return kept.has_room(env.begin_read(), tenant); }
};

}  // namespace

TEST_CASE("an answer is kept for its tenant and its day") {
  world w;
  w.keep(acme, "a", noon, "first");
  CHECK(w.body(acme, "a", noon) == "first");
  CHECK(w.body(rival, "a", noon) == "none");
  CHECK(w.body(acme, "b", noon) == "none");
  CHECK(w.body(acme, "a", noon + hours{24} - std::chrono::milliseconds{1}) == "first");
  CHECK(w.body(acme, "a", noon + hours{24}) == "none");
  w.keep(acme, "a", noon + hours{24}, "second");
  CHECK(w.body(acme, "a", noon + hours{24}) == "second");
}

TEST_CASE("a tenant has as many as it may, and gets room back when they are old") {
  world w;
  for (const char* key : {"a", "b", "c"}) {
    CHECK(w.has_room(acme));
    w.keep(acme, key, noon);
  }
  CHECK_FALSE(w.has_room(acme));
  CHECK(w.has_room(rival));
  w.keep(rival, "big", noon, std::string(2000, 'x'));
  CHECK_FALSE(w.has_room(rival));
  auto txn = w.env.begin_write();
  w.kept.trim(txn, noon + hours{24});
  txn.commit();
  CHECK(w.has_room(acme));
  CHECK(w.has_room(rival));
  for (const char* key : {"d", "e", "f"}) w.keep(acme, key, noon + hours{24});
  CHECK_FALSE(w.has_room(acme));
  // The same key takes the place of the old one.
  w.keep(acme, "f", noon + hours{25});
  auto gone = w.env.begin_write();
  w.kept.remove_all(gone, acme);
  gone.commit();
  CHECK(w.has_room(acme));
  CHECK(w.body(acme, "d", noon + hours{24}) == "none");
}
