#include "policy/consent/terms_table.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "tests/unit/policy_consent/consent_world.h"

using namespace consentry;
using namespace consentry::policy::consent;
using namespace consentry::policy::consent::tests;

namespace {

struct terms_world {
  consentry::tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 64u << 20}};
  std::optional<terms_table> table{std::in_place, env, terms_table::options{.per_tenant_max = 3}};

  terms_id intern(const consent_record& r, std::uint32_t tenant = 1) {
    auto txn = env.begin_write();
    const auto id = table->intern(txn, tenant_id{tenant}, r);
    txn.commit();
    return id;
  }
  std::string method_of(terms_id id, std::uint32_t tenant = 1) {
    std::shared_ptr<const consent_terms> kept;
    return table->find(env.begin_read(), tenant_id{tenant}, id, kept)->method;
  }
};

consent_record by(std::string method) {
  auto r = given("2024-03-15");
  r.method = std::move(method);
  return r;
}

}  // namespace

TEST_CASE("terms are stored once for each tenant and found under their id") {
  terms_world w;
  const auto id = w.intern(by("paper"));
  CHECK(id != 0);
  CHECK(w.intern(by("paper")) == id);
  CHECK(w.intern(by("phone")) != id);
  CHECK(w.method_of(id) == "paper");
  CHECK(w.method_of(id) == "paper");
  CHECK_THROWS_AS(w.method_of(id, 2), decode_error);  // another tenant's are not seen
  CHECK(w.intern(by("paper"), 2) == id);
  CHECK(w.method_of(id, 2) == "paper");
}

TEST_CASE("terms survive a restart") {
  terms_world w;
  const auto id = w.intern(by("paper"));
  w.table.reset();
  w.table.emplace(w.env, terms_table::options{});
  CHECK(w.method_of(id) == "paper");
}

TEST_CASE("terms of a dropped transaction are not there, and come back with the next") {
  terms_world w;
  terms_id id = 0;
  {
    auto dropped = w.env.begin_write();
    id = w.table->intern(dropped, tenant_id{1}, by("paper"));
  }
  CHECK_THROWS_AS(w.method_of(id), decode_error);
  CHECK(w.intern(by("paper")) == id);
  CHECK(w.method_of(id) == "paper");
}

TEST_CASE("a tenant has only so many terms, each only so long; records then carry their own") {
  terms_world w;
  for (auto method : {"a", "b", "c"}) CHECK(w.intern(by(method)) != 0);
  CHECK(w.intern(by("d")) == 0);
  CHECK(w.intern(by("a")) != 0);
  CHECK(w.intern(by("d"), 2) != 0);
  CHECK(w.intern(by(std::string(2000, 'x')), 2) == 0);

  world ledgers;
  for (auto method : {std::string{"web"}, std::string(2000, 'x')}) {
    auto r = by(method);
    r.given_at = *r.given_at + std::chrono::hours{method.size()};
    ledgers.put(key_of("jane"), r);
    CHECK(ledgers.find(key_of("jane"))->method == method);
  }
}
