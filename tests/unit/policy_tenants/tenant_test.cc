#include "policy/tenants/tenant.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/text.h"

using namespace consentry;
using namespace consentry::policy::tenants;
using smtp::stream;

TEST_CASE("which streams each state lets through") {
  const struct {
    tenant_state state;
    overdue_allow overdue;
    const char* streams;  // bulk, transactional, automation, doi
    const char* reason;
  } table[] = {
      {tenant_state::pending, overdue_allow::automation, "----", "tenant.inactive"},
      {tenant_state::active, overdue_allow::automation, "btad", ""},
      {tenant_state::active, overdue_allow::nothing, "btad", ""},
      {tenant_state::overdue, overdue_allow::automation, "-tad", "tenant.overdue"},
      {tenant_state::overdue, overdue_allow::transactional, "-t-d", "tenant.overdue"},
      {tenant_state::overdue, overdue_allow::nothing, "----", "tenant.overdue"},
      {tenant_state::suspended, overdue_allow::automation, "----", "tenant.suspended"},
      {tenant_state::terminated, overdue_allow::automation, "----", "tenant.terminated"},
      {static_cast<tenant_state>(77), overdue_allow::automation, "----", "tenant.inactive"},
  };
  for (const auto& row : table) {
    std::string got;
    for (const auto s : {stream::bulk, stream::transactional, stream::automation, stream::doi}) {
      const auto p = permits(row.state, s, row.overdue);
      got += p.allowed ? to_string(s)[0] : '-';
      INFO(to_string(row.state) << " " << to_string(s));
      CHECK(p.reason == (p.allowed ? "" : row.reason));
      CHECK(p.text.empty() == p.allowed);
      CHECK(p.rule.empty() == p.allowed);
    }
    CHECK(got == row.streams);
  }
}

TEST_CASE("nothing goes back to pending and closed stays closed") {
  CHECK(may_change(tenant_state::pending, tenant_state::active));
  CHECK(may_change(tenant_state::suspended, tenant_state::active));
  CHECK(may_change(tenant_state::active, tenant_state::terminated));
  CHECK_FALSE(may_change(tenant_state::active, tenant_state::pending));
  CHECK_FALSE(may_change(tenant_state::terminated, tenant_state::active));
}

TEST_CASE("a tenant comes back as stored, and what is not one is refused") {
  tenant t{.id = {3},
           .name = "acme",
           .legal_name = "Acmé Kft.",
           .contact = "post@acme.hu",
           .postal_address = "1051 Budapest",
           .state = tenant_state::overdue,
           .created_at = from_ms(1),
           .state_since = from_ms(2),
           .pseudonym_key = std::string(32, 'k')};
  const auto bytes = encode(t);
  const auto back = decode_tenant(bytes);
  CHECK(encode(back) == bytes);
  CHECK(back.legal_name == t.legal_name);
  CHECK(back.state == t.state);
  CHECK_THROWS_AS(decode_tenant(bytes.substr(0, bytes.size() - 1)), decode_error);
  CHECK_THROWS_AS(decode_tenant(bytes + "x"), decode_error);
  CHECK_THROWS_AS(decode_tenant("\x03" + bytes.substr(1)), decode_error);
  t.state = static_cast<tenant_state>(9);
  CHECK_THROWS_AS(decode_tenant(encode(t)), decode_error);
}

TEST_CASE("names, legal names and contacts are checked") {
  const tenant good{.name = "acme-2", .legal_name = "Acme Kft.", .contact = "a@acme.hu"};
  CHECK(validate(good).has_value());
  const auto wrong = [&](auto change) {
    auto t = good;
    change(t);
    const auto r = validate(t);
    return !r && r.error().kind == failure_kind::invalid && !r.error().public_text.empty();
  };
  for (const char* name : {"", "a", "2acme", "Acme", "ac me", "acmé", "ac/me"})
    CHECK(wrong([&](tenant& t) { t.name = name; }));
  CHECK(wrong([](tenant& t) { t.name = std::string(33, 'a'); }));
  CHECK(wrong([](tenant& t) { t.legal_name = "  "; }));
  CHECK(wrong([](tenant& t) { t.legal_name = "Acme\r\nBcc: x"; }));
  CHECK(wrong([](tenant& t) { t.contact = "nobody"; }));
  CHECK(wrong([](tenant& t) { t.contact = ""; }));
  CHECK(wrong([](tenant& t) { t.postal_address = "a\nb"; }));
}

TEST_CASE("a person has one pseudonym per tenant key, none across them") {
  const tenant a{.pseudonym_key = std::string(32, 'a')}, b{.pseudonym_key = std::string(32, 'b')};
  CHECK(pseudonym(a, "jane@example.hu").size() == 16);
  CHECK(pseudonym(a, "jane@example.hu") == pseudonym(a, "jane@example.hu"));
  CHECK(pseudonym(a, "jane@example.hu") != pseudonym(a, "john@example.hu"));
  CHECK(pseudonym(a, "jane@example.hu") != pseudonym(b, "jane@example.hu"));
  CHECK(platform_pseudonym(a.pseudonym_key, "x@y.hu") == pseudonym(a, "x@y.hu"));
  // Stored in every table: a change of the formula would cut all histories off.
  CHECK(hex(pseudonym(a, "jane@example.hu")) == "d2983970ceb610fcf8d489c1b5469956");
}

TEST_CASE("names of states and knob values parse back") {
  for (const auto s : {tenant_state::pending, tenant_state::active, tenant_state::overdue,
                       tenant_state::suspended, tenant_state::terminated})
    CHECK(parse_tenant_state(to_string(s)) == s);
  CHECK_FALSE(parse_tenant_state("unknown"));
  for (const auto a :
       {overdue_allow::nothing, overdue_allow::transactional, overdue_allow::automation})
    CHECK(parse_overdue_allow(to_string(a)) == a);
  CHECK_FALSE(parse_overdue_allow("bulk"));
}
