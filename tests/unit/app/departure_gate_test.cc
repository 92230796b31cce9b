#include "app/departure_gate.h"

#include <catch2/catch.hpp>

#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::app_world;
using consentry::tests::time_at;
using act = queue::dispatch_decision::act;
using policy::tenants::tenant_state;

namespace {

struct gate_world : app_world {
  departure_gate gate{rooms, live, clock};
  tenant_id shop = add_tenant("shop");
  recipient_id mail;

  explicit gate_world(smtp::stream stream = smtp::stream::bulk) {
    add_domain(shop, "shop.test");
    give_consent(shop, "jane@one.test", "news", time_at("2024-03-15T10:00:00"));
    mail = recipient_id{enqueue(shop, stream, {"jane@one.test"}).value + 1};
  }
  queue::dispatch_decision ask() { return gate.ask(message_of(mail), recipient(mail).value()); }
};

}  // namespace

TEST_CASE("what is allowed leaves, under the policy of now") {
  gate_world w;
  const auto d = w.ask();
  CHECK(d.what == act::proceed);
  CHECK(d.policy_version == tests::small_policy()->set->version);
}

TEST_CASE("each fault that comes while mail waits is found before the attempt") {
  struct row {
    const char* name;
    std::function<void(gate_world&)> happens;
    act bulk;
    const char* reason;
    act transactional;
  };
  for (const row& r : std::initializer_list<row>{
           {"consent lapses", [](auto& w) { w.clock.set(time_at("2025-03-16T00:00:00")); },
            act::refuse, "consent.expired", act::proceed},
           {"consent is withdrawn", [](auto& w) { w.withdraw(w.shop, "jane@one.test", "news"); },
            act::refuse, "consent.withdrawn", act::proceed},
           {"bulk is blocked", [](auto& w) { w.block(w.shop, "complaints"); }, act::hold,
            "tenant.bulk_blocked", act::proceed},
           {"the recipient complains",
            [](auto& w) {
              w.suppress(w.shop, "jane@one.test", reputation::suppression_reason::complaint);
            },
            act::refuse, "suppressed.complaint", act::proceed},
           {"the address dies",
            [](auto& w) {
              w.suppress(w.shop, "jane@one.test", reputation::suppression_reason::hard_bounce);
            },
            act::refuse, "suppressed.bad_address", act::refuse},
           {"the tenant is suspended",
            [](auto& w) { w.set_state(w.shop, tenant_state::suspended); }, act::hold,
            "tenant.suspended", act::hold},
           {"the tenant pays late", [](auto& w) { w.set_state(w.shop, tenant_state::overdue); },
            act::hold, "tenant.overdue", act::proceed},
           {"the recipient unsubscribes",
            [](auto& w) {
              w.suppress(w.shop, "jane@one.test", reputation::suppression_reason::unsubscribe);
            },
            act::refuse, "suppressed.unsubscribed", act::proceed},
           {"the campaign is held",
            [](auto& w) {
              w.change([&](write_txn& txn) {
                w.rooms.campaigns.hold(txn, w.shop, "spring", "desk:anna", "a doubt", w.clock.now())
                    .value();
              });
            },
            act::hold, "campaign.held", act::proceed},
           {"the contract ends", [](auto& w) { w.set_state(w.shop, tenant_state::terminated); },
            act::refuse, "tenant.terminated", act::refuse},
       }) {
    INFO(r.name);
    gate_world bulk;
    r.happens(bulk);
    const auto d = bulk.ask();
    CHECK(d.what == r.bulk);
    CHECK(d.reason == r.reason);
    CHECK_FALSE(d.rule.empty());
    CHECK_FALSE(d.text.empty());
    CHECK(d.text.find("jane") == std::string::npos);
    if (d.what == act::refuse) CHECK(d.code.status_class == 5);
    gate_world order{smtp::stream::transactional};
    r.happens(order);
    CHECK(order.ask().what == r.transactional);
  }
}

TEST_CASE("just before MAIL FROM only the flag of the block is looked at, and only for bulk") {
  gate_world w;
  const auto rival = w.add_tenant("rival");
  CHECK(w.gate.may_start(w.shop, smtp::stream::bulk));
  w.block(w.shop, "complaints");
  CHECK_FALSE(w.gate.may_start(w.shop, smtp::stream::bulk));
  for (const auto s : {smtp::stream::transactional, smtp::stream::automation, smtp::stream::doi})
    CHECK(w.gate.may_start(w.shop, s));
  CHECK(w.gate.may_start(rival, smtp::stream::bulk));
  w.unblock(w.shop, "talked");
  CHECK(w.gate.may_start(w.shop, smtp::stream::bulk));
}
