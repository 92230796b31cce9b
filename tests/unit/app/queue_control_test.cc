#include "app/queue_control.h"

#include <catch2/catch.hpp>

#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::app_world;
using journal::event_kind;
using queue::recipient_state;

namespace {

struct control_world : app_world {
  tenant_id shop = add_tenant("shop");
  tenant_id rival = add_tenant("rival");

  std::uint64_t carry_out(queue_order o) {
    return wait_for(app::carry_out(rooms, clock, std::move(o))).value();
  }
  queue::queue_counts counts(tenant_id t) {
    return read([&](read_txn& txn) { return rooms.queue.counts(txn, t); });
  }
  recipient_state state_of(message_id m) { return recipient(recipient_id{m.value + 1})->state; }
};

queue_order order_of(queue_act what, tenant_id tenant, std::string reason = "looked at") {
  queue_order o{.what = what, .reason = std::move(reason), .actor = "desk:anna"};
  o.which.tenant = tenant;
  return o;
}

}  // namespace

TEST_CASE("hold, release and purge change what they name, each journaled under the person") {
  control_world w;
  const auto mail = w.enqueue(w.shop, smtp::stream::bulk, {"a@one.test", "b@one.test"});
  const auto order = w.enqueue(w.shop, smtp::stream::transactional, {"a@one.test"});
  const auto other = w.enqueue(w.rival, smtp::stream::bulk, {"a@one.test"});

  auto bulk = order_of(queue_act::hold, w.shop);
  bulk.which.stream = smtp::stream::bulk;
  CHECK(w.carry_out(bulk) == 2);
  CHECK(w.state_of(mail) == recipient_state::held);
  CHECK(w.state_of(order) == recipient_state::queued);
  CHECK(w.state_of(other) == recipient_state::queued);
  const auto held = w.events(event_kind::held);
  REQUIRE(held.size() == 2);
  CHECK(held[0].actor == "desk:anna");
  CHECK(held[0].reason == "looked at");
  CHECK(held[0].message == mail);
  CHECK(w.carry_out(bulk) == 0);  // again changes nothing, and says nothing
  CHECK(w.events(event_kind::held).size() == 2);

  CHECK(w.carry_out(order_of(queue_act::release, w.shop)) == 2);
  CHECK(w.state_of(mail) == recipient_state::queued);
  CHECK(w.events(event_kind::released).size() == 2);

  auto purge = order_of(queue_act::purge, w.shop);
  purge.which.message = mail;
  CHECK(w.carry_out(purge) == 2);
  CHECK(w.state_of(mail) == recipient_state::cancelled);
  CHECK(w.state_of(order) == recipient_state::queued);
  CHECK(w.events(event_kind::purged).size() == 2);
  CHECK(w.counts(w.rival).queued == 1);
}

TEST_CASE("a long queue is changed in slices, to its end") {
  control_world w;
  std::vector<std::string> many;
  for (int i = 0; i < 1300; ++i) many.push_back("r" + std::to_string(i) + "@one.test");
  w.enqueue(w.shop, smtp::stream::bulk, many);
  CHECK(w.carry_out(order_of(queue_act::hold, w.shop)) == 1300);
  CHECK(w.counts(w.shop).held == 1300);
  CHECK(w.carry_out(order_of(queue_act::release, w.shop)) == 1300);
  CHECK(w.counts(w.shop).queued == 1300);
}

TEST_CASE("a block holds queued bulk mail; its lifting releases that and nothing else") {
  control_world w;
  const auto mail = w.enqueue(w.shop, smtp::stream::bulk, {"a@one.test"});
  const auto looked_at = w.enqueue(w.shop, smtp::stream::bulk, {"b@one.test"});
  const auto order = w.enqueue(w.shop, smtp::stream::transactional, {"a@one.test"});
  const auto other = w.enqueue(w.rival, smtp::stream::bulk, {"a@one.test"});
  auto by_hand = order_of(queue_act::hold, w.shop, "content.s3");
  by_hand.which.message = looked_at;
  w.carry_out(by_hand);

  w.block(w.shop, "a doubt");
  app_world::wait_for([](control_world& world) -> boost::asio::awaitable<bool> {
    co_await hold_bulk(world.rooms, world.clock, world.shop);
    co_return true;
  }(w));
  CHECK(w.state_of(mail) == recipient_state::held);
  CHECK(w.recipient(recipient_id{mail.value + 1})->reason == reputation::bulk_blocked_reason);
  CHECK(w.recipient(recipient_id{looked_at.value + 1})->reason == "content.s3");
  CHECK(w.state_of(order) == recipient_state::queued);
  CHECK(w.state_of(other) == recipient_state::queued);

  w.unblock(w.shop, "talked");
  auto lift = order_of(queue_act::release, w.shop, "unblocked: talked");
  lift.which.stream = smtp::stream::bulk;
  lift.which.held_because = std::string{reputation::bulk_blocked_reason};
  CHECK(w.carry_out(lift) == 1);
  CHECK(w.state_of(mail) == recipient_state::queued);
  CHECK(w.state_of(looked_at) == recipient_state::held);
}

TEST_CASE("what changes no mail's fate is journaled as one act, with what was meant") {
  control_world w;
  std::vector<std::string> many;
  for (int i = 0; i < 1100; ++i) many.push_back("r" + std::to_string(i) + "@one.test");
  w.enqueue(w.shop, smtp::stream::bulk, many);
  auto order = order_of(queue_act::move, w.shop, "the address is new");
  order.pool = "warm";
  order.which.domains =
      std::make_shared<const std::set<std::string>>(std::set<std::string>{"one.test"});
  auto so_far = std::make_shared<std::atomic<std::uint64_t>>(0);
  CHECK(app_world::wait_for(app::carry_out(w.rooms, w.clock, order, so_far)).value() == 1100);
  CHECK(*so_far == 1100);
  const auto acts = w.events(event_kind::desk_act);
  REQUIRE(acts.size() == 2);  // when it began, and when it was done
  CHECK(acts[0].facts.at("what") == "queue.move");
  CHECK(acts[0].facts.at("pool") == "warm");
  CHECK(acts[0].facts.at("domains") == "one.test");
  CHECK(acts[0].actor == "desk:anna");
  CHECK_FALSE(acts[0].facts.contains("changed"));
  CHECK(acts[1].facts.at("changed") == "1100");
  CHECK(acts[1].reason == "the address is new");

  auto again = order_of(queue_act::requeue, w.shop);
  CHECK(w.carry_out(again) == 1100);  // the move had made them due a moment later
  CHECK(w.carry_out(again) == 0);
  CHECK(w.events(event_kind::desk_act).back().facts.at("changed") == "0");
}
