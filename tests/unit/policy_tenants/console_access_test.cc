#include "policy/tenants/console_access.h"

#include <catch2/catch.hpp>

#include "policy/tenants/user_registry.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::policy::tenants;

namespace {

using std::chrono::hours;
using std::chrono::minutes;

const instant noon = from_ms(1'700'000'000'000);
const user_act by_anna{.actor = "desk:anna", .reason = "a test", .at = noon};
constexpr tenant_id acme{1}, staff{};

struct world {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 16u << 20}};
  journal::event_journal journal{env};
  user_registry users{env, journal};
  session_rules rules{.idle = minutes{30}, .longest = hours{12}};

  template <class F>
  auto write(F f) {
    auto txn = env.begin_write();
    auto r = f(txn);
    txn.commit();
    return r;
  }
  user add(const std::string& login, tenant_id tenant = staff, role as = role::desk) {
    const auto u = write([&](write_txn& txn) {
      return users.add(txn, {.login = login, .name = "A Person", .tenant = tenant, .as = as},
                       by_anna);
    });
    set_password(*u);
    return *u;
  }
  void set_password(const user& u, const std::string& hashed = "a hash", instant at = noon) {
    write([&](write_txn& txn) {
      users.console().set_password(txn, u, hashed, "desk:anna", "new here", at);
      return true;
    });
  }
  result<session_record> open(const user& u, const std::string& secret, instant at = noon,
                              const std::string& mine = {}) {
    return write([&](write_txn& txn) {
      const std::string key{mine.empty() ? "" : as_bytes(sha256(mine))};
      return users.console().open(txn, u, sha256(secret), key, rules, at);
    });
  }
  std::string who(const std::string& secret, instant now = noon) {
    const auto s = users.in_session(env.begin_read(), sha256(secret), rules, now);
    return s ? s->who.login : "";
  }
  void use(const std::string& secret, instant at) {
    write([&](write_txn& txn) {
      users.console().note_use(txn, sha256(secret), at);
      return true;
    });
  }
  std::vector<std::string> told() {
    std::vector<std::string> out;
    const auto txn = env.begin_read();
    for (const auto& e :
         journal.scan(txn, {}, 100, {.kinds = {journal::event_kind::session_changed}}).entries)
      out.push_back(e.what.facts.at("what") + " " + e.what.facts.at("login") + " by " +
                    e.what.actor);
    return out;
  }
};

}  // namespace

TEST_CASE("a login has one session; a second is refused, or ends the first (RULES A2 6.1)") {
  world w;
  const auto dora = w.add("dora");
  REQUIRE(w.open(dora, "first").has_value());
  const auto second = w.open(dora, "second");
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().kind == failure_kind::conflict);
  CHECK(w.who("first") == "dora");
  CHECK(w.who("second").empty());
  w.rules.second_replaces = true;
  REQUIRE(w.open(dora, "second").has_value());
  CHECK(w.who("first").empty());
  CHECK(w.who("second") == "dora");
  CHECK(w.told() == std::vector<std::string>{"password dora by desk:anna",
                                             "opened dora by desk:dora",
                                             "replaced dora by desk:dora"});
}

TEST_CASE("the same browser signs in anew: the old secret is worth nothing") {
  world w;
  const auto dora = w.add("dora");
  REQUIRE(w.open(dora, "first").has_value());
  REQUIRE(w.open(dora, "fresh", noon, "first").has_value());
  CHECK(w.who("first").empty());
  CHECK(w.who("fresh") == "dora");
}

TEST_CASE("a session ends when nobody uses it, and after its longest time in any case") {
  world w;
  const auto dora = w.add("dora");
  REQUIRE(w.open(dora, "s").has_value());
  CHECK(w.who("s", noon + minutes{29}) == "dora");
  CHECK(w.who("s", noon + minutes{30}).empty());
  for (auto at = noon; at < noon + hours{12}; at += minutes{20}) w.use("s", at);
  CHECK(w.who("s", noon + hours{11} + minutes{59}) == "dora");
  w.use("s", noon + hours{12} - minutes{1});
  CHECK(w.who("s", noon + hours{12}).empty());
  // Then another may begin, also where a second is refused.
  CHECK(w.open(dora, "next", noon + hours{12}).has_value());
}

TEST_CASE("a new password, a deactivation and a removal let nobody stay in") {
  world w;
  const auto dora = w.add("dora");
  const auto vera = w.add("vera", acme, role::tenant_admin);
  REQUIRE(w.open(dora, "d").has_value());
  REQUIRE(w.open(vera, "v").has_value());
  w.set_password(dora, "another hash");
  CHECK(w.who("d").empty());
  CHECK(w.users.console().password_of(w.env.begin_read(), "dora")->hashed == "another hash");
  w.write([&](write_txn& txn) {
    return w.users.change(txn, acme, "vera", {.active = false}, by_anna).has_value();
  });
  CHECK(w.who("v").empty());
  w.write([&](write_txn& txn) { return w.users.remove_all(txn, acme, by_anna); });
  CHECK_FALSE(w.users.console().password_of(w.env.begin_read(), "vera"));
  CHECK_FALSE(w.users.console().find(w.env.begin_read(), sha256("v")));
}

TEST_CASE("who signs out is out; there is nothing to end twice") {
  world w;
  const auto dora = w.add("dora");
  REQUIRE(w.open(dora, "s").has_value());
  const auto close = [&] {
    return w.write(
        [&](write_txn& txn) { return w.users.console().close(txn, dora, "desk:dora", {}, noon); });
  };
  CHECK(close());
  CHECK(w.who("s").empty());
  CHECK_FALSE(close());
}

TEST_CASE("records of the console come back as they were, and broken ones are known") {
  const password_record p{.hashed = "h", .set_at = noon, .session = std::string(32, 's')};
  CHECK(decode_password(encode(p)).session == p.session);
  const session_record s{.login = "dora", .opened_at = noon, .last_used = noon + minutes{5}};
  CHECK(decode_session(encode(s)).last_used == s.last_used);
  CHECK_THROWS(decode_session(encode(s) + "x"));
  CHECK_THROWS(decode_password("\x07"));
}
