#include "policy/tenants/user_registry.h"

#include <catch2/catch.hpp>

#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::policy::tenants;
using journal::event_kind;

namespace {

const instant noon = from_ms(1'700'000'000'000);
const user_act by_anna{.actor = "desk:anna", .reason = "a test", .at = noon};
constexpr tenant_id acme{1}, rival{2}, staff{};

struct world {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 16u << 20}};
  journal::event_journal journal{env};
  user_registry users{env, journal};

  template <class F>
  auto write(F f) {
    auto txn = env.begin_write();
    auto r = f(txn);
    txn.commit();
    return r;
  }
  result<user> add(const std::string& login, tenant_id tenant, role as) {
    return write([&](write_txn& txn) {
      return users.add(txn, {.login = login, .name = "A Person", .tenant = tenant, .as = as},
                       by_anna);
    });
  }
  result<token_record> add_token(const std::string& login, tenant_id tenant,
                                 const std::string& token,
                                 std::optional<instant> expires_at = std::nullopt) {
    return write([&](write_txn& txn) {
      return users.add_token(txn, tenant, login, sha256(token), "crm", expires_at, by_anna);
    });
  }
  result<user> change(const std::string& login, tenant_id tenant, const user_change& to) {
    return write([&](write_txn& txn) { return users.change(txn, tenant, login, to, by_anna); });
  }
  std::string who(const std::string& token, instant now = noon) {
    const auto s = users.sign_in(env.begin_read(), sha256(token), now);
    return s ? s->who.login : "";
  }
};

}  // namespace

TEST_CASE("a login is one person's, with a role that fits") {
  world w;
  struct row {
    const char* login;
    tenant_id tenant;
    role as;
    bool is_taken;
  };
  for (const row& r : {
           row{"anna", staff, role::admin, true},
           row{"bela", acme, role::tenant_user, true},
           row{"anna", acme, role::tenant_user, false},
           row{"cili", acme, role::desk, false},
           row{"dora", staff, role::tenant_admin, false},
           row{"emil", staff, role::none, false},
           row{"f", staff, role::desk, false},
           row{"Gabi", staff, role::desk, false},
           row{"h i", staff, role::desk, false},
       }) {
    INFO(r.login);
    CHECK(w.add(r.login, r.tenant, r.as).has_value() == r.is_taken);
  }
  CHECK(w.add("anna", rival, role::tenant_user).error().kind == failure_kind::conflict);
  CHECK(w.users.list(w.env.begin_read(), acme).size() == 1);
  CHECK(w.users.find(w.env.begin_read(), acme, "bela")->as == role::tenant_user);
  CHECK_FALSE(w.users.find(w.env.begin_read(), rival, "bela"));
  const auto e = w.journal.tail(w.env.begin_read(), 10).back().what;
  CHECK(e.kind == event_kind::user_added);
  CHECK(e.tenant == acme);
  CHECK(e.facts.at("role") == "tenant-user");
}

TEST_CASE("a token lets its user in until it is revoked, expires, or the user stops") {
  world w;
  REQUIRE(w.add("bela", acme, role::tenant_user).has_value());
  REQUIRE(w.add_token("bela", acme, "first", noon + std::chrono::hours{1}).has_value());
  REQUIRE(w.add_token("bela", acme, "second").has_value());
  CHECK(w.add_token("bela", rival, "third").error().kind == failure_kind::not_found);
  CHECK(w.add_token("bela", acme, "late", noon).error().kind == failure_kind::invalid);
  CHECK(w.who("first") == "bela");
  CHECK(w.who("First").empty());
  CHECK(w.who("first", noon + std::chrono::hours{1}).empty());
  CHECK(w.who("second", noon + std::chrono::hours{1}) == "bela");

  REQUIRE(w.change("bela", acme, {.active = false}).has_value());
  CHECK(w.who("second").empty());
  REQUIRE(w.change("bela", acme, {.active = true}).has_value());
  CHECK(w.who("second") == "bela");
  CHECK(w.change("bela", acme, {.as = role::admin}).error().kind == failure_kind::invalid);
  CHECK(w.change("bela", rival, {.active = false}).error().kind == failure_kind::not_found);

  const auto revoked =
      w.write([&](write_txn& txn) { return w.users.revoke_token(txn, acme, "bela", 2, by_anna); });
  REQUIRE(revoked.has_value());
  CHECK(w.who("second").empty());
  REQUIRE(w.add_token("bela", acme, "fourth").has_value());
  CHECK(w.users.tokens(w.env.begin_read(), "bela").back().number == 2);
}

TEST_CASE("a user who goes takes all tokens along, and nobody else's") {
  world w;
  for (const char* login : {"bela", "bela2", "bel"}) {
    REQUIRE(w.add(login, acme, role::tenant_user).has_value());
    REQUIRE(w.add_token(login, acme, std::string{login} + "-token").has_value());
  }
  REQUIRE(w.add_token("bela", acme, "another").has_value());
  REQUIRE(w.write([&](write_txn& txn) {
             return w.users.remove(txn, acme, "bela", by_anna);
           }).has_value());
  CHECK(w.who("bela-token").empty());
  CHECK(w.who("another").empty());
  CHECK(w.who("bela2-token") == "bela2");
  CHECK(w.who("bel-token") == "bel");
  REQUIRE(w.add("bela", rival, role::tenant_user).has_value());
  CHECK(w.users.tokens(w.env.begin_read(), "bela").empty());
  CHECK(w.write([&](write_txn& txn) { return w.users.remove_all(txn, acme, by_anna); }) == 2);
  CHECK(w.who("bel-token").empty());
}

TEST_CASE("the use of a token is kept to the hour") {
  world w;
  REQUIRE(w.add("bela", acme, role::tenant_user).has_value());
  REQUIRE(w.add_token("bela", acme, "first").has_value());
  const auto note = [&](const std::string& token) {
    auto txn = w.env.begin_write();
    w.users.note_use(txn, sha256(token), noon + std::chrono::minutes{59});
    txn.commit();
  };
  note("first");
  note("nobody's");
  const auto t = w.users.tokens(w.env.begin_read(), "bela").front();
  REQUIRE(t.last_used);
  CHECK(to_ms(*t.last_used) % (3600 * 1000) == 0);
  CHECK(*t.last_used <= noon + std::chrono::minutes{59});
}
