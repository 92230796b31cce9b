// The life of a tenant in the registry, named after the rules.
#include <catch2/catch.hpp>

#include "base/secret.h"
#include "policy/tenants/tenant_registry.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::policy::tenants;
using state = tenant_state;

namespace {

const instant noon = from_ms(1'700'000'000'000);
constexpr std::chrono::hours day{24};

std::string hash_of(std::string_view token) {
  return std::string{as_bytes(sha256(token))};
}

struct world {
  tests::temp_folder folder;
  store_env env{{.folder = folder.path() / "store", .map_size = 16u << 20}};
  journal::event_journal journal{env};
  tenant_registry registry{env, journal};

  template <class F>
  auto write(F f) {
    auto txn = env.begin_write();
    auto r = f(txn);
    txn.commit();
    return r;
  }
  tenant_id add(const std::string& name) {
    return write([&](write_txn& txn) {
             return registry.add_tenant(
                 txn, {.name = name, .legal_name = name + " Kft.", .contact = "x@" + name + ".hu"},
                 "desk:anna", noon);
           })
        .value()
        .id;
  }
  result<tenant> link(tenant_id t, std::string_view token, instant at = noon) {
    return write([&](write_txn& txn) {
      return registry.issue_contact_token(txn, t, hash_of(token), at + 7 * day, "desk:anna", at);
    });
  }
  result<tenant> click(std::string_view token, instant at = noon) {
    return write([&](write_txn& txn) { return registry.confirm_contact(txn, hash_of(token), at); });
  }
  void claim(tenant_id t, std::string_view domain) {
    write([&](write_txn& txn) {
      return registry.add_domain(txn, t, domain, "s1", "desk:anna", noon);
    }).value();
  }
  result<sender_domain> prove(tenant_id t, std::string_view domain,
                              domain_proof how = domain_proof::dns_token) {
    return write([&](write_txn& txn) {
      return registry.verify_domain(txn, t, domain, how, "gateway", noon);
    });
  }
  result<tenant> change(tenant_id t, state to, termination_reason why = termination_reason::none) {
    return write([&](write_txn& txn) {
      return registry.change_state(txn, t, to, "because", "desk:anna", noon, why);
    });
  }
  tenant now(tenant_id t) { return registry.find_tenant(env.begin_read(), t).value(); }
  journal::event last() { return journal.tail(env.begin_read(), 1).at(0).what; }
};

}  // namespace

TEST_CASE("A2.1 active only after the contact link was used and a sender domain is proven") {
  world w;
  const auto t = w.add("acme");
  w.claim(t, "acme.hu");
  w.link(t, "secret").value();
  SECTION("link first") {
    CHECK(w.click("secret")->state == state::pending);
    CHECK(w.now(t).contact_confirmed_by == "contact_link");
    REQUIRE(w.prove(t, "acme.hu").has_value());
  }
  SECTION("domain first") {
    REQUIRE(w.prove(t, "acme.hu").has_value());
    CHECK(w.now(t).state == state::pending);
    CHECK(w.click("secret")->state == state::active);
  }
  CHECK(w.now(t).state == state::active);
  CHECK(w.last().actor == "gateway");
  CHECK(w.last().rule == "A2.1");
  CHECK(w.last().facts == std::map<std::string, std::string>{
                              {"from", "pending"}, {"to", "active"}, {"domain", "acme.hu"}});
}

TEST_CASE("A2.1 another tenant's domain, or a claim alone, proves nothing") {
  world w;
  const auto t = w.add("acme"), other = w.add("beta");
  w.claim(t, "acme.hu");
  w.claim(other, "beta.hu");
  w.link(t, "secret").value();
  REQUIRE(w.prove(other, "beta.hu").has_value());
  CHECK(w.click("secret")->state == state::pending);
  CHECK(w.now(other).state == state::pending);
}

TEST_CASE("A2.1 a contact link: wrong, over its time, replaced by a newer one, used twice") {
  world w;
  const auto t = w.add("acme");
  w.link(t, "first").value();
  CHECK(w.click("guess").error().kind == failure_kind::not_found);
  CHECK(w.click("first", noon + 7 * day).error().kind == failure_kind::not_found);
  w.link(t, "second").value();
  CHECK(w.click("first").error().kind == failure_kind::not_found);
  CHECK(w.click("second", noon + 7 * day - std::chrono::milliseconds{1}).has_value());
  const auto told = w.journal.last(w.env.begin_read());
  CHECK(w.click("second")->is_contact_confirmed());
  CHECK(w.journal.last(w.env.begin_read()) == told);
  CHECK(w.link(t, "third").error().kind == failure_kind::conflict);
}

TEST_CASE("A2.1 a person of the operator vouches with a reason") {
  world w;
  const auto t = w.add("acme");
  REQUIRE(w.change(t, state::active).has_value());
  CHECK(w.now(t).contact_confirmed_by == "desk:anna");
  CHECK(w.last().facts.at("vouched_by") == "desk:anna");
  CHECK(w.last().reason == "because");
  // Round about, too.
  const auto u = w.add("beta");
  REQUIRE(w.change(u, state::suspended).has_value());
  CHECK_FALSE(w.now(u).is_contact_confirmed());
  REQUIRE(w.change(u, state::overdue).has_value());
  CHECK(w.last().facts.at("vouched_by") == "desk:anna");
}

TEST_CASE("A2.1 A2.2/9 A2.4 A2.12 the whole table of changes of state") {
  const state all[] = {state::pending, state::active, state::overdue, state::suspended,
                       state::terminated};
  // From each row to pending, active, overdue, suspended, terminated; '.': the same.
  const char* table[] = {
      ".y-yy",  // pending
      "-.yyy",  // active
      "-y.yy",  // overdue
      "-yy.y",  // suspended
      "----.",  // terminated
  };
  for (int from = 0; from < 5; ++from)
    for (int to = 0; to < 5; ++to) {
      INFO(to_string(all[from]) << " -> " << to_string(all[to]));
      CHECK(may_change(all[from], all[to]) == (table[from][to] == 'y'));
      world w;
      const auto t = w.add("acme");
      if (from == 2) w.change(t, state::active).value();
      if (from != 0)
        w.change(t, all[from], from == 4 ? termination_reason::by_tenant : termination_reason::none)
            .value();
      const auto done =
          w.change(t, all[to], to == 4 ? termination_reason::false_data : termination_reason::none);
      CHECK(done.has_value() == (table[from][to] != '-'));
      CHECK(w.now(t).state == (table[from][to] == 'y' ? all[to] : all[from]));
      if (!done) CHECK(done.error().kind == failure_kind::refused);
    }
}

TEST_CASE("A2.12 a contract ends for an enumerated reason, and only an end has one") {
  world w;
  const auto t = w.add("acme");
  CHECK(w.change(t, state::terminated).error().kind == failure_kind::invalid);
  CHECK(w.change(t, state::active, termination_reason::false_data).error().kind ==
        failure_kind::invalid);
  for (const auto r : {termination_reason::over30_overdue, termination_reason::grave_breach,
                       termination_reason::reputation_harm, termination_reason::false_data,
                       termination_reason::by_tenant}) {
    const auto u = w.add("t" + std::to_string(static_cast<int>(r)));
    REQUIRE(w.change(u, state::terminated, r).has_value());
    CHECK(w.now(u).ended_because == r);
    CHECK(w.last().facts.at("ended_because") == to_string(r));
    CHECK(parse_termination_reason(to_string(r)) == r);
  }
  CHECK_FALSE(parse_termination_reason("none"));
}

TEST_CASE("A2.10 a removed tenant leaves nothing behind, and its number does not come back") {
  world w;
  const auto t = w.add("acme"), other = w.add("beta");
  for (const auto id : {t, other}) {
    w.claim(id, id == t ? "acme.hu" : "beta.hu");
    w.link(id, id == t ? "a" : "b").value();
    w.write([&](write_txn& txn) {
       return w.registry.add_credential(
           txn,
           {.user = id == t ? "crm-a" : "crm-b",
            .tenant = id,
            .scram = {std::string(16, 's'), 4096, std::string(32, 'a'), std::string(32, 'b')}},
           "desk:anna", noon);
     }).value();
  }
  const auto gone = w.write([&](write_txn& txn) { return w.registry.remove_tenant(txn, other); });
  REQUIRE(gone.has_value());
  CHECK(*gone == std::vector<std::string>{"beta.hu"});
  const auto left = w.registry.load(w.env.begin_read());
  CHECK(left->tenants().size() == 1);
  CHECK(left->find_named("beta") == nullptr);
  CHECK(left->find_credential("crm-b") == nullptr);
  CHECK(left->find_domain("beta.hu") == nullptr);
  CHECK(left->find_credential("crm-a") != nullptr);
  CHECK(w.click("b").error().kind == failure_kind::not_found);
  CHECK(w.click("a").has_value());
  CHECK(w.add("beta").value == other.value + 1);
  CHECK(
      w.write([&](write_txn& txn) { return w.registry.remove_tenant(txn, other); }).error().kind ==
      failure_kind::not_found);
}

TEST_CASE("A2.1 a domain is given up with a reason, by its owner only") {
  world w;
  const auto t = w.add("acme"), other = w.add("beta");
  w.claim(t, "acme.hu");
  REQUIRE(w.prove(t, "acme.hu", domain_proof::operator_act).has_value());
  REQUIRE(w.prove(t, "acme.hu").has_value());  // what was vouched for is proven now
  CHECK(w.registry.load(w.env.begin_read())->find_domain("acme.hu")->verified_by ==
        domain_proof::dns_token);
  const auto remove = [&](tenant_id who, std::string_view domain, std::string_view why) {
    return w.write([&](write_txn& txn) {
      return w.registry.remove_domain(txn, who, domain, why, "desk:anna", noon);
    });
  };
  CHECK(remove(other, "acme.hu", "x").error().kind == failure_kind::not_found);
  CHECK(remove(t, "acme.hu", " ").error().kind == failure_kind::invalid);
  CHECK(remove(t, "", "x").error().kind == failure_kind::not_found);
  REQUIRE(remove(t, "ACME.hu", "sold").has_value());
  CHECK_FALSE(w.registry.load(w.env.begin_read())->owns(t, "acme.hu"));
  CHECK(w.last().facts.at("removed") == "yes");
}
