#include "policy/tenants/tenant_registry.h"

#include <catch2/catch.hpp>

#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::policy::tenants;
using journal::event_kind;
using smtp::stream;

namespace {

const instant noon = from_ms(1'700'000'000'000);

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
  result<tenant> add(const std::string& name) {
    return write([&](write_txn& txn) {
      return registry.add_tenant(
          txn, {.name = name, .legal_name = name + " Kft.", .contact = "x@" + name + ".hu"},
          "desk:anna", noon);
    });
  }
  result<void> add_credential(const credential& c) {
    return write(
        [&](write_txn& txn) { return registry.add_credential(txn, c, "desk:anna", noon); });
  }
  result<sender_domain> add_domain(tenant_id t, std::string_view domain) {
    return write([&](write_txn& txn) {
      return registry.add_domain(txn, t, domain, "s1", "desk:anna", noon);
    });
  }
  result<sender_domain> verify(tenant_id t, std::string_view domain) {
    return write([&](write_txn& txn) {
      return registry.verify_domain(txn, t, domain, domain_proof::operator_act, "desk:anna", noon);
    });
  }
  result<tenant> change(tenant_id t, tenant_state to, std::string_view reason = "paid") {
    return write([&](write_txn& txn) {
      const auto ended =
          to == tenant_state::terminated ? termination_reason::by_tenant : termination_reason::none;
      return registry.change_state(txn, t, to, reason, "desk:anna", noon, ended);
    });
  }
  std::shared_ptr<const tenant_directory> load() { return registry.load(env.begin_read()); }
  std::vector<event_kind> history() {
    std::vector<event_kind> kinds;
    for (const auto& e : journal.tail(env.begin_read(), 100)) kinds.push_back(e.what.kind);
    return kinds;
  }
};

credential login(const std::string& user, tenant_id tenant) {
  return {.user = user,
          .tenant = tenant,
          .stream = stream::automation,
          .campaign = "welcome",
          .topic = "news",
          .scram = {std::string(16, 's'), 4096, std::string(32, 'a'), std::string(32, 'b')}};
}

}  // namespace

TEST_CASE("tenants are added pending, numbered, journaled and found again after a restart") {
  world w;
  const auto a = w.add("acme"), b = w.add("beta");
  REQUIRE((a && b));
  CHECK(a->id == tenant_id{1});
  CHECK(b->id == tenant_id{2});
  CHECK(a->state == tenant_state::pending);
  CHECK(a->pseudonym_key.size() == 32);
  CHECK(a->pseudonym_key != b->pseudonym_key);
  const auto all = w.load();
  REQUIRE(all->find({2}) != nullptr);
  CHECK(all->find({2})->pseudonym_key == b->pseudonym_key);
  CHECK(all->find_named("acme")->id == a->id);
  CHECK(all->find({3}) == nullptr);
  CHECK(all->find_named("gamma") == nullptr);
  CHECK(w.history() == std::vector{event_kind::tenant_added, event_kind::tenant_added});
  const auto txn = w.env.begin_read();
  CHECK(w.registry.find_tenant_named(txn, "beta")->id == b->id);
  CHECK_FALSE(w.registry.find_tenant_named(txn, ""));
  CHECK_FALSE(w.registry.find_tenant_named(txn, std::string(5000, 'a')));
}

TEST_CASE("the journal never holds a tenant's key") {
  world w;
  const auto key = w.add("acme")->pseudonym_key;
  for (const auto& e : w.journal.tail(w.env.begin_read(), 10))
    for (const auto& [name, value] : e.what.facts) CHECK(value.find(key) == std::string::npos);
}

TEST_CASE("a refused change leaves store and journal as they were") {
  world w;
  const auto a = w.add("acme").value();
  REQUIRE(w.add_credential(login("crm-1", a.id)));
  REQUIRE(w.add_domain(a.id, "acme.hu").has_value());
  const auto before = w.history();
  CHECK(w.add("acme").error().kind == failure_kind::conflict);
  CHECK(w.add("Not A Slug").error().kind == failure_kind::invalid);
  CHECK(w.change({9}, tenant_state::active).error().kind == failure_kind::not_found);
  CHECK(w.change(a.id, tenant_state::active, " ").error().kind == failure_kind::invalid);
  CHECK(w.add_credential(login("crm-1", a.id)).error().kind == failure_kind::conflict);
  CHECK(w.add_credential(login("crm-2", {9})).error().kind == failure_kind::not_found);
  CHECK(w.add_credential(login("two words", a.id)).error().kind == failure_kind::invalid);
  auto weak = login("crm-2", a.id);
  weak.scram.iterations = 100;
  CHECK(w.add_credential(weak).error().kind == failure_kind::invalid);
  CHECK(w.add_domain(a.id, "acme.hu").error().kind == failure_kind::conflict);
  CHECK(w.add_domain(a.id, "hu").error().kind == failure_kind::invalid);
  CHECK(w.add_domain(a.id, "a b.hu").error().kind == failure_kind::invalid);
  CHECK(w.add_domain({9}, "other.hu").error().kind == failure_kind::not_found);
  CHECK(w.verify(a.id, "other.hu").error().kind == failure_kind::not_found);
  for (const auto& user : {std::string{}, std::string(5000, 'u'), std::string{"nobody"}})
    CHECK(w.write([&](write_txn& txn) {
             return w.registry.change_credential(txn, user, {.active = false}, "desk:anna", noon);
           })
              .error()
              .kind == failure_kind::not_found);
  CHECK(w.history() == before);
}

TEST_CASE("a change of state is kept and told with its reason") {
  world w;
  const auto a = w.add("acme").value();
  REQUIRE(w.change(a.id, tenant_state::active, "contact verified").has_value());
  REQUIRE(w.change(a.id, tenant_state::active, "again").has_value());  // nothing new, nothing told
  REQUIRE(w.change(a.id, tenant_state::terminated, "left").has_value());
  CHECK(w.change(a.id, tenant_state::active).error().kind == failure_kind::refused);
  CHECK(w.load()->find(a.id)->state == tenant_state::terminated);
  const auto told = w.journal.tail(w.env.begin_read(), 10);
  REQUIRE(told.size() == 3);
  CHECK(told[1].what.reason == "contact verified");
  CHECK(told[1].what.actor == "desk:anna");
  CHECK(told[1].what.facts == std::map<std::string, std::string>{{"from", "pending"},
                                                                 {"to", "active"},
                                                                 {"vouched_by", "desk:anna"}});
}

TEST_CASE("a credential is found by its user name, switched and given a new password") {
  world w;
  const auto a = w.add("acme").value();
  REQUIRE(w.add_credential(login("crm@acme", a.id)));
  {
    const auto all = w.load();
    const auto* c = all->find_credential("crm@acme");
    REQUIRE(c != nullptr);
    CHECK(c->tenant == a.id);
    CHECK(c->stream == stream::automation);
    CHECK(c->campaign == "welcome");
    CHECK(c->topic == "news");
    CHECK(c->active);
    CHECK(c->created_at == noon);
    CHECK(c->scram.iterations == 4096);
    CHECK(c->scram.server_key == std::string(32, 'b'));
    CHECK(all->find_credential("CRM@acme") == nullptr);
    CHECK(all->credentials_of(a.id).size() == 1);
    CHECK(all->credentials_of({2}).empty());
  }
  const auto change = [&](const credential_change& what) {
    return w.write([&](write_txn& txn) {
      return w.registry.change_credential(txn, "crm@acme", what, "desk:anna", noon);
    });
  };
  REQUIRE(change({.active = false}));
  CHECK_FALSE(w.load()->find_credential("crm@acme")->active);
  REQUIRE(change({.scram = scram_secret{std::string(16, 't'), 10000, std::string(32, 'c'),
                                        std::string(32, 'd')}}));
  const auto all = w.load();
  CHECK(all->find_credential("crm@acme")->scram.stored_key == std::string(32, 'c'));
  CHECK_FALSE(all->find_credential("crm@acme")->active);
  for (const auto& e : w.journal.tail(w.env.begin_read(), 1))
    CHECK(e.what.facts.at("password") == "changed");
}

TEST_CASE("whose domain it is") {
  world w;
  const auto a = w.add("acme")->id, b = w.add("beta")->id;
  REQUIRE(w.add_domain(a, "Acme.HU").has_value());
  CHECK_FALSE(w.load()->owns(a, "acme.hu"));  // claimed is not verified
  REQUIRE(w.verify(a, "acme.hu").has_value());
  REQUIRE(w.add_domain(b, "shop.acme.hu").has_value());
  REQUIRE(w.add_domain(a, "árvíztűrő.hu").has_value());
  REQUIRE(w.verify(a, "árvíztűrő.hu").has_value());
  const auto owner = [&](std::string_view domain) {
    const auto all = w.load();
    const auto* d = all->governing(domain);
    return d == nullptr ? 0 : d->tenant.value;
  };
  CHECK(owner("acme.hu") == a.value);
  CHECK(owner("mail.acme.hu") == a.value);
  CHECK(owner("shop.acme.hu") == a.value);  // only claimed by the other
  CHECK(owner("notacme.hu") == 0);
  CHECK(owner("hu") == 0);
  CHECK(owner("") == 0);
  CHECK(owner("acme.hu.evil.com") == 0);
  CHECK(owner("xn--rvztr-wqa0gx3bwi.hu") == a.value);
  REQUIRE(w.verify(b, "shop.acme.hu").has_value());
  CHECK(owner("shop.acme.hu") == b.value);
  CHECK(owner("x.shop.acme.hu") == b.value);
  const auto all = w.load();
  CHECK(all->owns(a, "mail.acme.hu"));
  CHECK_FALSE(all->owns(a, "x.shop.acme.hu"));
  CHECK(all->domains_of(a).size() == 2);
  CHECK(all->find_domain("acme.hu")->verified_by == domain_proof::operator_act);
  CHECK(all->find_domain("acme.hu")->dkim_selector == "s1");
}

TEST_CASE("a claim gives way to another tenant's, a verified domain does not") {
  world w;
  const auto a = w.add("acme")->id, b = w.add("beta")->id;
  REQUIRE(w.add_domain(a, "news.hu").has_value());
  const auto taken = w.add_domain(b, "news.hu");
  REQUIRE(taken.has_value());
  CHECK(w.verify(a, "news.hu").error().kind == failure_kind::not_found);
  REQUIRE(w.verify(b, "news.hu").has_value());
  CHECK(w.add_domain(a, "news.hu").error().kind == failure_kind::conflict);
  CHECK(w.load()->find_domain("news.hu")->tenant == b);
  CHECK(w.load()->find_domain("news.hu")->dns_token == taken->dns_token);
  // Each of them learns what became of its own domain.
  const auto told = [&](tenant_id t) {
    return w.journal.scan(w.env.begin_read(), {}, 10, {.tenant = t}).entries;
  };
  CHECK(told(a).back().what.kind == event_kind::domain_changed);
  CHECK(told(b).back().what.facts.at("verified_by") == "operator");
}
