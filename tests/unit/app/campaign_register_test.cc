// RULES 5.2 and 5.4: what is counted of a campaign, and when it waits for a person.
#include "app/campaign_register.h"

#include <catch2/catch.hpp>

#include "app/campaign_sweeper.h"
#include "app/departure_gate.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::app_world;
using consentry::tests::time_at;
using journal::event_kind;

namespace {

struct campaign_world : app_world {
  tenant_id shop = add_tenant("shop");
  outcome_recorder recorder{rooms, clock, [this] { return live.policy.get()->set->rules; }};
  std::vector<instant> notified;

  campaign_world() { add_domain(shop, "shop.test"); }

  void count(const campaign_counts& more, const std::string& campaign = "spring") {
    change([&](write_txn& txn) {
      rooms.campaigns.count(txn, shop, campaign, more, live.policy.get()->set->rules, clock.now());
    });
  }
  campaign_state state(const std::string& campaign = "spring") {
    return read([&](read_txn& txn) { return rooms.campaigns.find(txn, shop, campaign); }).value();
  }
  std::string hold_of(const std::string& campaign = "spring") {
    const auto s = state(campaign);
    return std::string{s.hold ? policy::reason_of(s.hold->cause) : "running"};
  }
  void release(const std::string& campaign = "spring") {
    change([&](write_txn& txn) {
      rooms.campaigns.release(txn, shop, campaign, "desk:anna", "list cleaned", clock.now())
          .value();
    });
  }
  void hold(const std::string& campaign = "spring") {
    change([&](write_txn& txn) {
      rooms.campaigns.hold(txn, shop, campaign, "desk:anna", "a doubt", clock.now()).value();
    });
  }
  std::size_t sweep() {
    return wait_for(sweep_once({.rooms = rooms,
                                .clock = clock,
                                .notify_queue = [this](instant t) { notified.push_back(t); },
                                .host_name = "mx.test",
                                .postmaster = smtp::mailbox::parse("postmaster@mx.test").value()}));
  }
  queue::queue_counts queued() {
    return read([&](read_txn& txn) { return rooms.queue.counts(txn, shop, smtp::stream::bulk); });
  }
  recipient_id mail_to(const std::string& address, const std::string& campaign = "spring") {
    give_consent(shop, address, "news", time_at("2025-01-10"));
    return recipient_id{enqueue(shop, smtp::stream::bulk, {address}, campaign).value + 1};
  }
};

}  // namespace

TEST_CASE("5.2: campaign.max_unproven, 10 of 200 passes, 11 of 200 not, 10 of 199 neither") {
  campaign_world w;
  w.count({.asked = 199, .unproven = 10});
  CHECK(w.hold_of() == "running");
  w.count({.asked = 1});
  CHECK(w.hold_of() == "running");
  CHECK(w.state().counts.asked == 200);
  w.count({.asked = 1, .unproven = 1}, "other");
  CHECK(w.hold_of() == "running");
  w.count({.asked = 1, .unproven = 1});  // 11 of 201
  CHECK(w.hold_of() == "campaign.max_unproven");
  CHECK(w.hold_of("other") == "running");
  const auto held = w.events(event_kind::held);
  REQUIRE(held.size() == 1);
  CHECK(held[0].campaign == "spring");
  CHECK(held[0].reason == "campaign.max_unproven");
  CHECK(held[0].rule == "A2.5.2");
  CHECK(held[0].actor == "gateway");
  CHECK(held[0].facts.at("part") == "11");
  CHECK(held[0].facts.at("whole") == "201");
  w.count({.asked = 100, .unproven = 100});
  CHECK(w.events(event_kind::held).size() == 1);  // once
}

TEST_CASE("5.2: a campaign whose every recipient is unproven waits from the two hundredth on") {
  campaign_world w;
  for (int i = 0; i < 199; ++i) w.count({.asked = 1, .unproven = 1});
  CHECK(w.hold_of() == "running");
  w.count({.asked = 1, .unproven = 1});
  CHECK(w.hold_of() == "campaign.max_unproven");
}

TEST_CASE("5.4: bounce.hold_campaign counts dead addresses of deliveries that came to an end") {
  campaign_world w;
  w.count({.ended = 199, .dead = 10});
  const auto end = [&](const smtp::outcome& o) {
    static int n = 0;
    w.settle(w.recorder, w.mail_to("r" + std::to_string(++n) + "@one.test"), o);
  };
  smtp::outcome later;
  later.kind = smtp::outcome_kind::deferred;
  end(later);  // has not ended
  CHECK(w.state().counts.ended == 199);
  end(app_world::bounced(550, {5, 7, 1}, "spam"));  // the address may be good
  CHECK(w.state().counts.ended == 200);
  CHECK(w.hold_of() == "running");
  end(app_world::delivered());
  CHECK(w.state().counts.dead == 10);
  end(app_world::bounced(550, {5, 1, 1}, "no such user"));
  CHECK(w.state().counts.dead == 11);
  CHECK(w.hold_of() == "campaign.bounces");  // 11 of 202
  const auto held = w.events(event_kind::held);
  REQUIRE(held.size() == 1);
  CHECK(held[0].rule == "A2.5.4");
}

TEST_CASE("watches warn once and hold, each by its knobs") {
  const policy::rule_knobs defaults;
  struct row {
    const char* what;
    campaign_counts quiet;    // says nothing
    campaign_counts to_warn;  // one more of these warns
    campaign_counts to_hold;  // and one more of these holds
    const char* reason;
    std::uint64_t busiest;
    void (*set)(policy::rule_knobs&);
  };
  const row rows[] = {
      {"bounces",
       {.ended = 400, .dead = 10},
       {.dead = 1},
       {.dead = 10},
       "campaign.bounces",
       0,
       [](policy::rule_knobs&) {}},
      {"unsubscribes",
       {.ended = 1000, .unsubscribed = 10},
       {.unsubscribed = 1},
       {.unsubscribed = 20},
       "campaign.unsubscribes",
       0,
       [](policy::rule_knobs&) {}},
      {"traps",
       {.asked = 50},
       {.asked = 1, .traps = 1},
       {.asked = 2, .traps = 2},
       "campaign.traps",
       0,
       [](policy::rule_knobs&) {}},
      {"volume",
       {.asked = 15'000},
       {.asked = 1},
       {.asked = 15'000},
       "campaign.volume",
       1500,
       [](policy::rule_knobs& k) { k.watch_volume_hold = 20; }},
      {"volume", {.asked = 10'000}, {.asked = 1}, {}, "", 0, [](policy::rule_knobs&) {}},
  };
  for (const auto& w : rows) {
    INFO(w.what << " " << w.busiest);
    campaign_world world;
    auto knobs = defaults;
    w.set(knobs);
    const auto count = [&](const campaign_counts& more) {
      world.change([&](write_txn& txn) {
        world.rooms.campaigns.count(txn, world.shop, "spring", more, knobs, world.clock.now(),
                                    [&w] { return w.busiest; });
      });
    };
    count(w.quiet);
    CHECK(world.events(event_kind::warned).empty());
    count(w.to_warn);
    count({});
    const auto warned = world.events(event_kind::warned);
    REQUIRE(warned.size() == 1);
    CHECK(warned[0].facts.at("watch") == w.what);
    CHECK(warned[0].campaign == "spring");
    CHECK(world.hold_of() == "running");
    if (*w.reason == '\0') continue;
    count(w.to_hold);
    CHECK(world.hold_of() == w.reason);
    CHECK(world.events(event_kind::held).size() == 1);
    world.release();
    CHECK(world.state().counts.traps == 0);
    count(w.quiet);
    count(w.to_warn);
    CHECK(world.events(event_kind::warned).size() == 2);  // counting began anew
  }
}

TEST_CASE("watches can be switched off") {
  campaign_world w;
  policy::rule_knobs knobs;
  knobs.watch_traps_warn = knobs.watch_traps_hold = 0;
  knobs.watch_volume_warn = knobs.watch_volume_hold = 0;
  knobs.watch_unsubscribes_warn = knobs.watch_unsubscribes_hold = 10'000;
  knobs.bounce_warn_campaign = knobs.bounce_hold_campaign = 10'000;
  w.change([&](write_txn& txn) {
    w.rooms.campaigns.count(
        txn, w.shop, "spring",
        {.asked = 90'000, .ended = 9000, .dead = 9000, .unsubscribed = 9000, .traps = 9000}, knobs,
        w.clock.now(), [] { return std::uint64_t{1}; });
  });
  CHECK(w.hold_of() == "running");
  CHECK(w.events(event_kind::warned).empty());
}

TEST_CASE("5.2, 5.4: the knobs move the shares") {
  campaign_world w;
  auto knobs = tests::small_knobs();
  knobs.campaign_max_unproven = 0;
  knobs.bounce_hold_campaign = 10'000;
  w.set_policy(knobs);
  w.count({.asked = 200, .ended = 200, .dead = 200});
  CHECK(w.hold_of() == "running");
  w.count({.asked = 1, .unproven = 1});
  CHECK(w.hold_of() == "campaign.max_unproven");
}

TEST_CASE("transactional mail is neither counted nor held") {
  campaign_world w;
  const auto id =
      recipient_id{w.enqueue(w.shop, smtp::stream::transactional, {"a@one.test"}).value + 1};
  w.settle(w.recorder, id, app_world::bounced(550, {5, 1, 1}, "no such user"));
  CHECK_FALSE(w.read([&](read_txn& txn) { return w.rooms.campaigns.find(txn, w.shop, "spring"); }));
}

TEST_CASE("E4: a person holds and releases, with a reason, and counting begins anew") {
  campaign_world w;
  w.count({.asked = 300, .unproven = 100});
  CHECK(w.hold_of() == "campaign.max_unproven");
  w.change([&](write_txn& txn) {
    const auto again = w.rooms.campaigns.hold(txn, w.shop, "spring", "desk:anna", "x", {});
    CHECK(again.error().kind == failure_kind::conflict);
  });
  w.release();
  CHECK(w.hold_of() == "running");
  CHECK(w.state().counts.asked == 0);
  CHECK(w.state().releases == 1);
  CHECK(w.state().actor == "desk:anna");
  CHECK(w.state().reason == "list cleaned");
  w.change([&](write_txn& txn) {
    const auto again = w.rooms.campaigns.release(txn, w.shop, "spring", "desk:anna", "x", {});
    CHECK(again.error().kind == failure_kind::conflict);
    const auto unknown = w.rooms.campaigns.release(txn, w.shop, "never", "desk:anna", "x", {});
    CHECK(unknown.error().kind == failure_kind::conflict);
  });
  w.count({.asked = 199, .unproven = 199});
  CHECK(w.hold_of() == "running");
  w.hold("not yet begun");
  CHECK(w.hold_of("not yet begun") == "campaign.held");
  const auto acts = w.events(event_kind::desk_act);
  REQUIRE(acts.size() == 2);
  CHECK(acts[0].facts.at("act") == "release_campaign");
  CHECK(acts[0].facts.at("reason") == "list cleaned");
  CHECK(acts[0].facts.at("unproven") == "100");
  CHECK(acts[1].facts.at("act") == "hold_campaign");
  CHECK(acts[1].actor == "desk:anna");
}

TEST_CASE("queued mail follows its campaign, and nobody else's does") {
  campaign_world w;
  const auto spring = w.mail_to("a@one.test");
  const auto summer = w.mail_to("b@one.test", "summer");
  w.hold();
  CHECK(w.queued().held == 0);
  CHECK(w.sweep() == 1);
  CHECK(w.queued().held == 1);
  CHECK(w.recipient(spring)->state == queue::recipient_state::held);
  CHECK(w.recipient(spring)->reason == "campaign.held");
  CHECK(w.recipient(summer)->state == queue::recipient_state::queued);
  CHECK(w.sweep() == 0);  // done, also after a restart
  w.notified.clear();
  w.release();
  CHECK(w.sweep() == 0);  // not done: the gate may still commit what it had answered
  CHECK(w.recipient(spring)->state == queue::recipient_state::queued);
  CHECK(w.notified == std::vector{w.clock.now()});
  w.clock.advance(std::chrono::seconds{3});
  CHECK(w.sweep() == 1);
}

TEST_CASE("what the gate held just after a release is let go by the next round") {
  campaign_world w;
  const auto id = w.mail_to("a@one.test");
  w.hold();
  departure_gate gate{w.rooms, w.live, w.clock};
  const auto said = gate.ask(w.message_of(id), w.recipient(id).value());
  CHECK(said.what == queue::dispatch_decision::act::hold);
  w.release();
  w.sweep();
  auto r = w.recipient(id).value();
  r.state = queue::recipient_state::held;  // as the scheduler does it, too late
  r.reason = said.reason;
  w.change([&](write_txn& txn) { w.rooms.queue.update(txn, r); });
  w.clock.advance(std::chrono::seconds{3});
  CHECK(w.sweep() == 0);
  CHECK(w.recipient(id)->state == queue::recipient_state::queued);
  CHECK(w.sweep() == 1);
}

TEST_CASE("a release lets go what the campaign held, and not what waits for another reason") {
  campaign_world w;
  const auto id = w.mail_to("a@one.test");
  auto r = w.recipient(id).value();
  r.state = queue::recipient_state::held;
  r.reason = "content.s3";
  w.change([&](write_txn& txn) { w.rooms.queue.update(txn, r); });
  w.hold();
  w.sweep();
  w.release();
  w.clock.advance(std::chrono::seconds{3});
  w.sweep();
  CHECK(w.recipient(id)->state == queue::recipient_state::held);
  CHECK(w.recipient(id)->reason == "content.s3");
}

TEST_CASE("A2 3: the tenant is told once of a hold, and why") {
  campaign_world w;
  w.count({.asked = 220, .unproven = 20});
  w.sweep();
  w.sweep();
  const auto sent = w.events(event_kind::notice_sent);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].tenant == w.shop);
  CHECK(sent[0].facts.at("for") == "campaign.max_unproven");
  const auto notice = w.message_of(sent[0].recipient);
  CHECK(notice.is_notice);
  const auto text = w.rooms.bodies.read(notice.body_at).value();
  CHECK_THAT(text, Catch::Contains("To: <office@shop.test>"));
  CHECK_THAT(text, Catch::Contains("20 of the 220 recipients"));
  w.release();
  w.clock.advance(std::chrono::seconds{3});
  w.sweep();
  CHECK(w.events(event_kind::notice_sent).size() == 1);
}

TEST_CASE("campaigns are listed in pages, tenant by tenant, and removed with their tenant") {
  campaign_world w;
  const auto rival = w.add_tenant("rival");
  for (const char* name : {"a", "ab", "b", "c"}) w.count({.asked = 1}, name);
  w.change([&](write_txn& txn) {
    w.rooms.campaigns.count(txn, rival, "secret", {.asked = 1}, {}, w.clock.now());
  });
  const auto names = [&](const std::string& after, std::size_t limit) {
    std::string out;
    for (const auto& s :
         w.read([&](read_txn& txn) { return w.rooms.campaigns.list(txn, w.shop, after, limit); }))
      out += s.name + " ";
    return out;
  };
  CHECK(names("", 10) == "a ab b c ");
  CHECK(names("", 2) == "a ab ");
  CHECK(names("a", 2) == "ab b ");
  CHECK(names("c", 2).empty());
  w.hold("a");
  bool more = true;
  int rounds = 0;
  for (; more; ++rounds)
    w.change([&](write_txn& txn) { more = w.rooms.campaigns.remove_tenant(txn, w.shop, 2); });
  CHECK(rounds == 3);
  CHECK(names("", 10).empty());
  CHECK(w.read([&](read_txn& txn) { return w.rooms.campaigns.sweeps(txn, 10); }).empty());
  CHECK(w.read([&](read_txn& txn) { return w.rooms.campaigns.list(txn, rival, "", 10).size(); }) ==
        1);
}

TEST_CASE("counts and holds are there after a restart") {
  consentry::tests::temp_folder folder;
  {
    app_world first{folder.path() / "store"};
    const auto shop = first.add_tenant("shop");
    first.change([&](write_txn& txn) {
      first.rooms.campaigns.count(txn, shop, "spring", {.asked = 300, .unproven = 100}, {},
                                  first.clock.now());
    });
  }
  app_world second{folder.path() / "store"};
  const auto shop = second.tenant_named("shop");
  const auto s =
      second.read([&](read_txn& txn) { return second.rooms.campaigns.find(txn, shop, "spring"); });
  REQUIRE(s);
  CHECK(s->counts.unproven == 100);
  REQUIRE(s->hold);
  CHECK(s->hold->part == 100);
  CHECK(s->hold->since == second.clock.now());
}

TEST_CASE("5.2: which refusals say that there was no proof") {
  for (const char* r :
       {"consent.missing", "consent.unproven", "consent.provenance", "consent.implicit"}) {
    CHECK(is_unproven_reason(r));
    CHECK(is_about_recipient(r));
  }
  for (const char* r : {"consent.expired", "consent.withdrawn", "consent.unticked",
                        "suppressed.complaint", "content.h4", "reminder.missing", "ok"}) {
    CHECK_FALSE(is_unproven_reason(r));
    CHECK(is_about_recipient(r));
  }
  for (const char* r : {"tenant.overdue", "sender.domain_foreign", "campaign.topic_missing",
                        "campaign.permission_request", "doi.recipients"})
    CHECK_FALSE(is_about_recipient(r));
}
