// RULES A5, C6: when figures are judged, and what is told of them.
#include "app/standing_review.h"

#include <catch2/catch.hpp>

#include "app/complaint_intake.h"
#include "app/outcome_recorder.h"
#include "app/queue_control.h"
#include "tests/unit/app/tenant_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::tenant_world;
using journal::event_kind;
using reputation::complaint_count;

namespace {

const reporter_proof proven{.reporter = "Listed", .dkim_domain = "arf.listed.example"};

struct review_world : tenant_world {
  tenant_id shop = add_tenant("shop");
  std::string provider;  // of what is delivered
  outcome_recorder recorder{rooms, clock, [this] { return knobs(); },
                            [this](const std::string&, const std::string&) { return provider; }};

  const policy::rule_knobs& knobs() { return live.policy.get()->set->rules; }

  // So many of one campaign, to persons of its own; gives the first recipient.
  recipient_id deliver(std::size_t count, const std::string& campaign = "spring") {
    const auto r = queue_up(count, campaign);
    take(r, count);
    return r;
  }
  recipient_id queue_up(std::size_t count, const std::string& campaign = "spring") {
    std::vector<std::string> to;
    for (std::size_t i = 0; i < count; ++i)
      to.push_back(campaign + std::to_string(i) + "@one.test");
    return {enqueue(shop, smtp::stream::bulk, to, campaign).value + 1};
  }
  void take(recipient_id first, std::size_t count) {
    const auto m = message_of(first);
    const auto rows = read([&](read_txn& txn) { return rooms.queue.recipients_of(txn, m, count); });
    queue::attempt_facts facts;
    facts.at = clock.now();
    facts.number = 1;
    facts.transmitted = true;
    change([&](write_txn& txn) {
      for (const auto& r : rows) recorder.record(txn, m, r, delivered(), facts);
    });
  }
  std::vector<tenant_id> complain(std::uint64_t recipient) {
    std::vector<tenant_id> blocked;
    change([&](write_txn& txn) {
      blocked = record_reports(txn, rooms, knobs(),
                               {{.type = "abuse",
                                 .recipient = recipient_id{recipient},
                                 .suppresses = true,
                                 .may_count = true}},
                               proven, {.channel = "feedback", .at = clock.now()}, 2)
                    .blocked;
    });
    return blocked;
  }
  std::vector<tenant_id> review() { return wait_for(review_all(rooms, knobs(), clock.now())); }
  void pass_days(int days) { clock.advance(std::chrono::hours{24} * days); }
  std::string fact(const journal::event& e, const char* name) {
    const auto found = e.facts.find(name);
    return found == e.facts.end() ? std::string{} : found->second;
  }
};

}  // namespace

TEST_CASE("A5: half of the limit is told once, as a recorded decision and by letter") {
  review_world w;
  const auto r = w.deliver(3000);
  w.complain(r.value);
  CHECK(w.events(event_kind::warned).empty());  // 1 of 3000: under half of 3
  w.complain(r.value + 1);
  const auto warned = w.events(event_kind::warned);
  REQUIRE(warned.size() == 2);  // of the tenant and of the campaign
  CHECK(warned[0].rule == "A5");
  CHECK(w.fact(warned[0], "from") == "good");
  CHECK(w.fact(warned[0], "to") == "warn");
  CHECK(w.fact(warned[0], "complaints") == "2");
  CHECK(w.fact(warned[0], "delivered") == "3000");
  CHECK(warned[1].campaign == "spring");
  w.complain(r.value + 2);  // 3 of 3000: not more than the limit, and the same level
  CHECK(w.events(event_kind::warned).size() == 2);
  CHECK(w.events(event_kind::standing_changed).empty());

  w.tell();
  const auto letters = w.letters();
  REQUIRE(letters.size() == 2);
  CHECK(letters[0].text.find("Panaszok: 2") != std::string::npos);
  CHECK(letters[0].text.find("Delivered: 3000") != std::string::npos);

  CHECK(w.complain(r.value + 3) == std::vector{w.shop});
  const auto block = w.events(event_kind::standing_changed);
  REQUIRE(block.size() == 1);
  CHECK(w.fact(block[0], "floor") == "1000");
  CHECK(w.fact(block[0], "window_days") == "30");
  w.tell();
  REQUIRE(w.letters().size() == 3);
  const auto told = w.letters()[2];
  for (const char* line : {"Complaints: 4", "Delivered: 3000", "In so many days: 30"})
    CHECK(told.text.find(line) != std::string::npos);
}

TEST_CASE("A5: ratio.warn moves the warning") {
  review_world w;
  auto knobs = w.knobs();
  knobs.ratio_warn_percent = 100;
  w.set_policy(knobs);
  const auto r = w.deliver(3000);
  for (int i = 0; i < 2; ++i) w.complain(r.value + static_cast<std::uint64_t>(i));
  CHECK(w.events(event_kind::warned).empty());
  w.complain(r.value + 2);  // the limit itself
  CHECK(w.events(event_kind::warned).size() == 2);
}

TEST_CASE("A5: a block comes at midnight too, when a day leaves the window") {
  review_world w;
  w.deliver(1500, "winter");
  w.pass_days(5);
  const auto a = w.deliver(500, "march"), b = w.deliver(400, "april");
  CHECK(w.complain(a.value).empty());
  CHECK(w.complain(b.value).empty());  // 2 of 2400 over the window, 1 of each campaign
  w.pass_days(24);
  CHECK(w.review().empty());  // the thirtieth day
  w.pass_days(1);
  CHECK(w.review() == std::vector{w.shop});  // 2 of 900
  CHECK(w.rooms.blocker.is_bulk_closed(w.shop));
  CHECK(w.events(event_kind::standing_changed).at(0).reason ==
        "complaint ratio: 2 on 900 delivered");
  CHECK(w.review().empty());
  w.pass_days(400);
  CHECK(w.review().empty());
  CHECK(w.rooms.blocker.is_bulk_closed(w.shop));  // FIXED: no timer unblocks
}

TEST_CASE("A5: complaints that overtook their deliveries block once these are known") {
  review_world w;
  const auto r = w.queue_up(900);
  CHECK(w.complain(r.value).empty());
  CHECK(w.complain(r.value + 1).empty());
  CHECK(w.events(event_kind::standing_changed).empty());
  w.take(r, 900);
  CHECK(w.rooms.blocker.is_bulk_closed(w.shop));
}

TEST_CASE("C6: complaints per delivered at each provider that reports, beside the standing") {
  review_world w;
  w.provider = "Yahoo";
  const auto y = w.deliver(1500, "one");
  w.provider = "";
  const auto none = w.deliver(4000, "two");
  w.provider = "Outlook";
  w.deliver(500, "three");
  const auto show = [&] {
    const auto a = w.ask("GET", {"tenants", "shop", "standing"});
    CHECK(a.status == 200);
    return boost::json::parse(a.body).at("providers").as_array();
  };
  const auto told = [&] {
    std::vector<journal::event> out;
    for (auto& e : w.events(event_kind::warned))
      if (w.fact(e, "watch") == "provider") out.push_back(std::move(e));
    return out;
  };
  w.complain(none.value);
  w.complain(y.value);
  CHECK(told().empty());
  w.complain(y.value + 1);  // 2 of 1500: more than 0.1%
  REQUIRE(told().size() == 1);
  CHECK(told()[0].rule == "C6");
  CHECK(w.fact(told()[0], "provider") == "Yahoo");
  CHECK(w.fact(told()[0], "to") == "warn");
  const auto rows = show();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].at("provider") == "Outlook");
  CHECK(rows[0].at("delivered") == 500);
  CHECK(rows[0].at("complaints") == 0);
  CHECK(rows[0].at("verdict") == "good");
  CHECK(rows[1].at("provider") == "Yahoo");
  CHECK(rows[1].at("delivered") == 1500);
  CHECK(rows[1].at("complaints") == 2);
  CHECK(rows[1].at("verdict") == "warn");
}

TEST_CASE("C6: 0.1% and 0.3%, strictly") {
  using reputation::judge_provider;
  using reputation::provider_verdict;
  const reputation::standing_knobs knobs;
  CHECK(judge_provider({1000, 1}, knobs) == provider_verdict::good);
  CHECK(judge_provider({10, 1}, knobs) == provider_verdict::good);  // the floor
  CHECK(judge_provider({1999, 2}, knobs) == provider_verdict::warn);
  CHECK(judge_provider({2000, 2}, knobs) == provider_verdict::good);
  CHECK(judge_provider({1000, 3}, knobs) == provider_verdict::warn);
  CHECK(judge_provider({1000, 4}, knobs) == provider_verdict::alarm);
  CHECK(judge_provider({0, 0}, knobs) == provider_verdict::good);
}

TEST_CASE("unblock.four_eyes: two persons, each with a reason; unblock.reset") {
  review_world w;
  auto knobs = w.knobs();
  knobs.unblock_four_eyes = true;
  knobs.unblock_reset = false;
  w.set_policy(knobs);
  w.block(w.shop, "a doubt");
  const auto ask = [&](const char* person) {
    return w.ask_as(person, "POST", {"tenants", "shop", "unblock"},
                    R"({"reason": "list cleaned"})");
  };
  const auto first = ask("anna");
  CHECK(first.status == 202);
  CHECK(w.rooms.blocker.is_bulk_closed(w.shop));
  CHECK(ask("anna").status == 409);
  const auto shown = boost::json::parse(w.ask("GET", {"tenants", "shop", "standing"}).body);
  CHECK(shown.at("unblock_proposed").at("person") == "desk:anna");
  CHECK(ask("bela").status == 200);
  CHECK_FALSE(w.rooms.blocker.is_bulk_closed(w.shop));
  const auto now = w.read([&](read_txn& txn) { return w.rooms.blocker.standing_of(txn, w.shop); });
  CHECK(now.epoch == 1);  // unblock.reset = false
  CHECK(now.actor == "desk:bela");
  bool is_proposal_kept = false;
  for (const auto& e : w.events(event_kind::desk_act))
    is_proposal_kept =
        is_proposal_kept || (e.actor == "desk:anna" && w.fact(e, "what") == "unblock.proposed");
  CHECK(is_proposal_kept);

  // A proposal is about one block: the next begins anew.
  w.block(w.shop, "again");
  CHECK(ask("bela").status == 202);
}

TEST_CASE("what is held or released late follows the standing") {
  review_world w;
  w.block(w.shop, "a doubt");
  const auto r = w.queue_up(700);
  w.wait_for([](review_world& world) -> boost::asio::awaitable<bool> {
    co_await hold_bulk(world.rooms, world.clock, world.shop);
    co_return true;
  }(w));
  const auto counts = [&] {
    return w.read(
        [&](read_txn& txn) { return w.rooms.queue.counts(txn, w.shop, smtp::stream::bulk); });
  };
  CHECK(counts().held == 700);
  w.unblock(w.shop, "settled");
  // Unblocked meanwhile: a hold that is still on its way stops.
  w.wait_for([](review_world& world) -> boost::asio::awaitable<bool> {
    co_await hold_bulk(world.rooms, world.clock, world.shop);
    co_return true;
  }(w));
  const auto more = w.queue_up(3, "later");
  w.wait_for([](review_world& world) -> boost::asio::awaitable<bool> {
    co_await hold_bulk(world.rooms, world.clock, world.shop);
    co_return true;
  }(w));
  CHECK(w.recipient(more)->state == queue::recipient_state::queued);
  CHECK(w.recipient(r)->state == queue::recipient_state::held);
}
