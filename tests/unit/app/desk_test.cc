// What the desk asks and orders, through its resources.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "app/admin/api.h"
#include "app/inbound.h"
#include "app/queue_control.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::tests;
using journal::event_kind;

namespace {

// Goes on a second with every look.
class ticking_clock final : public wall_clock {
 public:
  explicit ticking_clock(manual_clock& c) : clock_{c} {}
  instant now() const noexcept override {
    clock_.advance(std::chrono::seconds{1});
    return clock_.now();
  }

 private:
  manual_clock& clock_;
};

struct desk {
  app_world w;
  tenant_id acme = w.add_tenant("acme");
  ticking_clock clock{w.clock};
  worker_pool workers{1};
  std::vector<instant> told;  // what the scheduler was told is due
  app::admin::api_context api{.rooms = w.rooms,
                              .live = w.live,
                              .workers = workers,
                              .clock = clock,
                              .notify_queue = [this](instant due) { told.push_back(due); }};

  app::admin::response ask(std::string method, std::vector<std::string> path,
                           std::string body = {}) {
    app::admin::request r;
    r.method = std::move(method);
    r.path = std::move(path);
    r.path.insert(r.path.begin(), "v1");
    r.body = std::move(body);
    r.person = "anna";
    r.as = policy::tenants::role::admin;
    r.headers["x-reason"] = "a test";
    return app_world::wait_for(app::admin::serve(api, std::move(r)));
  }
};

void hold(app_world& w, tenant_id tenant, message_id message, std::string reason) {
  app::queue_order order{
      .what = app::queue_act::hold, .reason = std::move(reason), .actor = "test"};
  order.which = {.tenant = tenant, .message = message};
  REQUIRE(app_world::wait_for(app::carry_out(w.rooms, w.clock, order)).value() == 1);
}

}  // namespace

TEST_CASE("why knows notices, whose recipient is no person") {
  desk d;
  message_id notice;
  d.w.change([&](write_txn& txn) {
    queue::queued_message m;
    m.tenant = d.acme;
    m.is_notice = true;
    m.body_at = d.w.rooms.bodies.append("Subject: x\r\n\r\n").value().location;
    queue::queued_recipient r;
    r.address = "news@acme.test";
    r.domain = "acme.test";
    notice = d.w.rooms.queue.accept(txn, m, {&r, 1});
    d.w.rooms.journal.append(
        txn, {.kind = event_kind::notice_sent, .tenant = d.acme, .message = notice});
  });
  const auto answer = d.ask("GET", {"why", to_string(notice)});
  CHECK(answer.status == 200);
  CHECK(answer.body.find("notice_sent") != std::string::npos);
}

TEST_CASE("the scheduler is told of released mail from the moment it is due") {
  desk d;
  const auto id = d.w.enqueue(d.acme, smtp::stream::bulk, {"jane@example.test"});
  const recipient_id jane{id.value + 1};
  SECTION("released by hand") {
    hold(d.w, d.acme, id, "desk.hold");
    const auto answer = d.ask("POST", {"queue", "release"},
                              R"({"message":")" + to_string(id) + R"(","reason":"fine"})");
    CHECK(answer.status == 200);
  }
  SECTION("released with its tenant") {
    d.w.block(d.acme, "test");
    hold(d.w, d.acme, id, std::string{reputation::bulk_blocked_reason});
    const auto answer =
        d.ask("POST", {"tenants", "acme", "unblock"}, R"({"reason":"has changed its ways"})");
    CHECK(answer.status == 200);
  }
  REQUIRE(d.w.recipient(jane)->state == queue::recipient_state::queued);
  REQUIRE(d.told.size() == 1);
  CHECK(d.told[0] <= d.w.recipient(jane)->next_attempt_at);
}

TEST_CASE("a start finishes the release that a crash cut short") {
  desk d;
  const auto blocked = d.w.enqueue(d.acme, smtp::stream::bulk, {"jane@example.test"});
  const auto other = d.w.enqueue(d.acme, smtp::stream::bulk, {"joe@example.test"});
  hold(d.w, d.acme, blocked, std::string{reputation::bulk_blocked_reason});
  hold(d.w, d.acme, other, "content.hold");
  const auto state_of = [&](message_id m) {
    return d.w.recipient(recipient_id{m.value + 1})->state;
  };
  const auto start = [&] {
    app_world::wait_for([](desk& d) -> boost::asio::awaitable<bool> {
      auto tell = d.api.notify_queue;
      co_await app::finish_unblocks(d.w.rooms, d.clock, std::move(tell));
      co_return true;
    }(d));
  };
  d.w.block(d.acme, "test");
  start();
  CHECK(state_of(blocked) == queue::recipient_state::held);  // the block stands
  d.w.unblock(d.acme, "test");
  start();
  CHECK(state_of(blocked) == queue::recipient_state::queued);
  CHECK(state_of(other) == queue::recipient_state::held);
  CHECK(d.told.size() == 1);
}

TEST_CASE("a server that repeats the address does not bring it into the journal") {
  app_world w;
  const auto acme = w.add_tenant("acme");
  const auto id = w.enqueue(acme, smtp::stream::bulk, {"jane@example.test"});
  app::outcome_recorder recorder{w.rooms, w.clock};
  w.settle(recorder, recipient_id{id.value + 1},
           app_world::bounced(550, {5, 1, 1}, "<Jane@example.test>: no such user"));
  const auto told = w.events(event_kind::bounced);
  REQUIRE(told.size() == 1);
  CHECK(told[0].facts.at("reply") == "550 5.1.1 <(recipient)>: no such user");
  CHECK(w.recipient(recipient_id{id.value + 1})->last_reply.find("ane@") == std::string::npos);
}
