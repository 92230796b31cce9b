// RULES E8: stored decisions under another policy, and a policy in the shadow of live mail.
#include "app/policy_what_if.h"

#include <boost/asio/detached.hpp>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "app/intake.h"
#include "app/policy_trials.h"
#include "app/renewal_task.h"
#include "base/text.h"
#include "filters/pattern_file.h"
#include "tests/unit/app/tenant_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::small_knobs;
using consentry::tests::small_policy;
using consentry::tests::tenant_world;
using policy::rule_knobs;

namespace {

namespace json = boost::json;

std::shared_ptr<const active_policy> with_knobs(const rule_knobs& k) {
  auto out = std::make_shared<active_policy>();
  out->patterns = small_policy()->patterns;
  out->set = policy::make_policy_set(k, "small");
  return out;
}

std::shared_ptr<const active_policy> with_pattern(const std::string& word, double weight,
                                                  const std::string& id = "gyanus") {
  filters::pattern_set set;
  set.files.push_back(filters::parse_pattern_file(
      "language = \"hu\"\ncategory = \"S3\"\n[[pattern]]\nid = \"" + id +
          "\"\nweight = " + std::to_string(weight) + "\nwords = [\"" + word +
          "\"]\nmust_match = [\"" + word + "\"]\nmust_not_match = [\"szo\"]\n",
      "hu/S3.toml"));
  auto out = std::make_shared<active_policy>();
  out->patterns = std::make_shared<const filters::pattern_database>(std::move(set));
  out->set = policy::make_policy_set(small_knobs(), "other " + word + std::to_string(weight));
  return out;
}

struct world : tenant_world {
  world() {
    for (const auto* name : {"shop", "bank"}) {
      const auto t = add_tenant(name);
      add_domain(t, std::string{name} + ".test");
      for (int n = 0; n < 8; ++n)
        give_consent(t, address(n), "news", clock.now() - std::chrono::hours{24 * 30 * n});
    }
  }

  policy_shadow shadow{rooms.directory, clock};
  intake submissions{{.rooms = rooms,
                      .live = live,
                      .workers = workers,
                      .clock = clock,
                      .notify_queue = [](instant) {},
                      .shadow = &shadow},
                     {.host_name = "mx.test",
                      .retry = {},
                      .notices = {.host_name = "mx.test", .from = "pm@mx.test"}}};

  static std::string address(int n) { return "u" + std::to_string(n) + "@one.test"; }

  void keep(rule_knobs::kept_evidence what) {
    auto k = small_knobs();
    k.evidence_keep = what;
    set_policy(k);
  }

  // RCPT by RCPT, then the message to those that were taken.
  smtp::reply send(const std::vector<int>& to, const std::string& text = "semmi",
                   const std::string& tenant = "shop", const std::string& campaign = "spring",
                   smtp::stream stream = smtp::stream::bulk) {
    smtp::server::session_info who;
    who.id = "s1";
    who.who = smtp::server::principal{.tenant = tenant_named(tenant),
                                      .credential = "crm",
                                      .stream = stream,
                                      .campaign = campaign,
                                      .topic = "news"};
    smtp::envelope e;
    e.reverse_path = smtp::mailbox::parse("news@" + tenant + ".test").value();
    smtp::reply last;
    for (const int n : to) {
      smtp::envelope_recipient r{.address = smtp::mailbox::parse(address(n)).value()};
      last = wait_for(submissions.recipient(who, e, r));
      if (last.code == 250) e.recipients.push_back(r);
    }
    if (e.recipients.empty()) return last;
    return wait_for(submissions.message(
        who, e,
        "From: <news@" + tenant + ".test>\r\nTo: " + address(to.front()) +
            "\r\nSubject: hello\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nKedves Nagy "
            "Ilona, " +
            text + "\r\n"));
  }

  // Every kind of answer that intake knows.
  void mixed_traffic() {
    const auto shop = tenant_named("shop");
    suppress(shop, address(6), reputation::suppression_reason::complaint);
    withdraw(shop, address(7), "news");
    send({0, 1, 2, 3});
    send({0, 6, 7, 99});
    send({1}, "gyanusszo");
    send({2}, "tiltottszo");
    send({3, 4}, "engedelyszo");
    send({0}, "semmi", "bank", "winter");
    send({5, 0}, "gyanusszo", "bank", "winter");
    send({0}, "rendben", "shop", "", smtp::stream::transactional);
    send({6}, "rendben", "shop", "", smtp::stream::transactional);
    send({0}, "sor", "shop", "", smtp::stream::doi);
    clock.advance(std::chrono::hours{24 * 300});
    send({0, 1, 2, 3, 4, 5}, "feliratkozott");
    block(shop, "a test");
    send({0});
    set_state(shop, policy::tenants::tenant_state::overdue);
    send({0}, "semmi", "shop", "spring", smtp::stream::automation);
  }

  json::object what_if(std::shared_ptr<const active_policy> candidate, what_if_question q = {}) {
    policy_what_if w{rooms, std::move(candidate), {}, *live.policy.get()->set, q};
    while (w.run_slice().value()) {
    }
    return w.report();
  }
  std::size_t rows(const std::string& table_name) {
    const auto t = rooms.env.open_table(table_name);
    return read([&](read_txn& txn) { return txn.entries(t); });
  }
  json::object shadow_report(std::uint64_t judged) {
    for (int i = 0; i < 500; ++i) {
      auto r = shadow.report();
      if (r.at("judged").to_number<std::uint64_t>() >= judged) return r;
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    throw std::runtime_error("the shadow does not judge");
  }
};

std::uint64_t number(const json::object& o, std::string_view name) {
  return o.at(name).to_number<std::uint64_t>();
}

}  // namespace

TEST_CASE("E8 what-if under the same policy finds no difference in all kinds of decisions") {
  world w;
  w.keep(GENERATE(rule_knobs::kept_evidence::facts, rule_knobs::kept_evidence::messages));
  w.mixed_traffic();
  const auto r = w.what_if(w.live.policy.get());
  INFO(json::serialize(r));
  CHECK(number(r, "judged") >= 25);
  CHECK(number(r, "judged") == w.rows("verdicts"));
  CHECK(number(r, "same") == number(r, "judged"));
  CHECK(number(r, "other_reason") == 0);
  CHECK(number(r, "not_judged_anew") == 0);
  CHECK(r.at("examples").as_array().empty());
  CHECK(number(r.at("judged_on").as_object(), "recipient") >= 5);
}

TEST_CASE("E8 what-if tells what would be otherwise by tenant, rule and campaign") {
  world w;
  w.send({0, 1});
  w.send({2}, "gyanusszo");
  w.send({3}, "gyanusszo", "bank", "winter");
  w.send({4}, "tiltottszo", "bank", "winter");
  const auto queued = w.read(
      [&](read_txn& txn) { return txn.entries(w.rooms.env.open_table("queue_recipients")); });
  auto k = small_knobs();
  k.content_hold = 13;
  k.content_reject = 13;  // gyanusszo scores 12
  k.hard_reject = false;
  k.ratio_floor = 1;
  auto r = w.what_if(with_knobs(k));
  INFO(json::serialize(r));
  CHECK(number(r, "judged") == 5);
  CHECK(number(r, "changed") == 3);
  CHECK(r.at("changes") == json::value({{"hold->send", 2}, {"refuse->hold", 1}}));
  const auto& bank = r.at("by_tenant").as_array().front().as_object();
  CHECK(bank.at("tenant") == "bank");
  CHECK(number(bank, "changed") == 2);
  CHECK(r.at("by_campaign").as_array().size() == 2);
  CHECK(r.at("by_campaign").at(0).at("campaign") == "winter");
  const auto& rule = r.at("by_rule").at(0).as_object();
  CHECK(rule.at("from_rule") == "S3");
  CHECK(rule.at("to") == "send");
  CHECK(number(rule, "count") == 2);
  const auto& example = r.at("examples").at(0).as_object();
  CHECK(parse_message_id(std::string{example.at("message").as_string()}).has_value());
  CHECK(r.at("knobs_not_replayed") == json::array{"ratio.floor"});
  // Of one tenant; and of the newest only.
  r = w.what_if(with_knobs(k), {.tenant = w.tenant_named("shop")});
  CHECK(number(r, "judged") == 3);
  r = w.what_if(with_knobs(k), {.decisions_max = 2});
  CHECK(number(r, "judged") == 2);
  CHECK(r.at("by_tenant").at(0).at("tenant") == "bank");
  // Nothing was sent, or put into the queue.
  CHECK(w.read([&](read_txn& txn) {
    return txn.entries(w.rooms.env.open_table("queue_recipients"));
  }) == queued);
}

TEST_CASE("E8 what-if looks at a range of time") {
  world w;
  w.send({0});
  w.clock.advance(std::chrono::hours{1});
  const auto middle = w.clock.now();
  w.clock.advance(std::chrono::hours{1});
  w.send({1, 2});
  CHECK(number(w.what_if(small_policy(), {.from = middle}), "judged") == 2);
  CHECK(number(w.what_if(small_policy(), {.until = middle}), "judged") == 1);
}

TEST_CASE("E8 patterns that weigh otherwise, or are gone, are judged by what was found") {
  world w;
  w.send({0}, "gyanusszo");
  w.send({1}, "masikszo");
  auto r = w.what_if(with_pattern("gyanusszo", 4));
  CHECK(r.at("changes") == json::value({{"hold->send", 1}}));
  r = w.what_if(with_pattern("masikszo", 12, "masik"));
  INFO(json::serialize(r));
  CHECK(r.at("changes") == json::value({{"hold->send", 1}}));
  // What nobody looked for then cannot be told now, and the report says so.
  CHECK(number(r, "not_judged_anew") == 2);
}

TEST_CASE("E8 with the messages kept, new patterns are tried on the texts themselves") {
  world w;
  w.keep(rule_knobs::kept_evidence::messages);
  w.send({0, 1}, "gyanusszo");
  w.send({2}, "masikszo");
  w.send({3}, "masikszo");
  CHECK(w.rows("decision_texts") == 3);
  auto r = w.what_if(with_pattern("masikszo", 12, "masik"));
  INFO(json::serialize(r));
  CHECK(r.at("changes") == json::value({{"hold->send", 2}, {"send->hold", 2}}));
  CHECK(number(r, "not_judged_anew") == 0);
  CHECK(number(r.at("judged_on").as_object(), "text") == 4);
  // The same text within a day is kept once.
  w.send({2}, "masikszo");
  CHECK(w.rows("decision_texts") == 3);
  CHECK(number(w.what_if(with_pattern("masikszo", 12, "masik")).at("judged_on").as_object(),
               "text") == 5);
  w.clock.advance(std::chrono::hours{25});
  w.send({2}, "masikszo");
  CHECK(w.rows("decision_texts") == 4);
  // Too long to be kept.
  w.send({4}, std::string(kept_text_max, 'x'));
  CHECK(w.rows("decision_texts") == 4);
}

TEST_CASE("E8 with nothing kept there is nothing to replay") {
  world w;
  w.keep(rule_knobs::kept_evidence::nothing);
  w.mixed_traffic();
  CHECK(w.rows("decisions") == 0);
  CHECK(number(w.what_if(small_policy()), "judged") == 0);
}

TEST_CASE("E8 evidence is trimmed by age") {
  world w;
  w.keep(rule_knobs::kept_evidence::messages);
  w.send({0, 1});
  w.clock.advance(std::chrono::hours{24 * 3});
  w.send({2, 3, 99});
  const auto trim = [&](instant decisions, instant texts, std::size_t rows) {
    bool more = false;
    w.change([&](write_txn& txn) { more = w.rooms.decisions.trim(txn, decisions, texts, rows); });
    return more;
  };
  CHECK(w.rows("decisions") == 5);
  const auto day_ago = w.clock.now() - std::chrono::hours{24};
  // A slice that ends between recipients of one message leaves nothing behind.
  CHECK(trim(day_ago, day_ago, 1));
  CHECK(w.rows("decisions") == 4);
  CHECK_FALSE(trim(day_ago, day_ago, 100));
  CHECK(w.rows("decisions") == 3);
  CHECK(w.rows("decision_texts") == 1);
  CHECK(w.rows("decision_text_marks") == 1);
  CHECK(number(w.what_if(small_policy()), "judged") == 3);
  CHECK_FALSE(trim(day_ago, instant::max(), 100));
  CHECK(w.rows("decision_texts") == 0);
  CHECK_FALSE(trim(instant::max(), instant::max(), 100));
  CHECK(w.rows("decisions") == 0);
}

TEST_CASE("E8 what the policy keeps no more goes from what is there, too") {
  world w;
  w.keep(rule_knobs::kept_evidence::messages);
  w.send({0, 1});
  w.clock.advance(std::chrono::hours{24 * 40});  // past evidence.keep_days
  w.send({2, 3});
  const auto tend = [&] {
    boost::asio::io_context io;
    boost::asio::co_spawn(io,
                          apply_renewals(w.rooms, w.live, w.clock, std::chrono::hours{24 * 100}),
                          boost::asio::detached);
    io.run_for(std::chrono::milliseconds{300});
  };
  CHECK(w.rows("decisions") == 4);
  tend();
  CHECK(w.rows("decisions") == 2);
  CHECK(w.rows("decision_texts") == 1);
  w.keep(rule_knobs::kept_evidence::facts);
  tend();
  CHECK(w.rows("decisions") == 2);
  CHECK(w.rows("decision_texts") == 0);
  w.keep(rule_knobs::kept_evidence::nothing);
  tend();
  CHECK(w.rows("decisions") == 0);
  CHECK(w.rows("verdicts") == 4);
}

TEST_CASE("E8 a trial runs on the workers, can be cancelled, and there is one at a time") {
  world w;
  for (int i = 0; i < 3; ++i) w.send({0, 1, 2, 3});
  policy_trials trials{w.rooms, w.live, w.workers, w.clock};
  CHECK(trials.what_if_report().at("state") == "none");
  CHECK_FALSE(trials.cancel_what_if());
  // Keeps the one worker busy meanwhile.
  std::promise<void> go;
  w.workers.post([f = go.get_future().share()] { f.wait(); });
  trials.start_what_if({.files = {}, .policy = small_policy()}, {}, "desk:eva").value();
  CHECK(trials.what_if_report().at("state") == "running");
  CHECK(
      trials.start_what_if({.files = {}, .policy = small_policy()}, {}, "desk:eva").error().kind ==
      failure_kind::conflict);
  CHECK(trials.cancel_what_if());
  CHECK(trials.what_if_report().at("state") == "cancelled");
  trials.start_what_if({.files = {}, .policy = small_policy()}, {}, "desk:eva").value();
  go.set_value();
  for (int i = 0; i < 500 && trials.what_if_report().at("state") == "running"; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  const auto r = trials.what_if_report();
  CHECK(r.at("state") == "done");
  CHECK(r.at("by") == "desk:eva");
  CHECK(number(r, "judged") == 12);
}

TEST_CASE("E8 a policy in the shadow judges beside the one in force and changes nothing") {
  world w;
  w.keep(rule_knobs::kept_evidence::nothing);
  CHECK(w.shadow.report() == json::object{{"on", false}});
  CHECK_FALSE(w.shadow.stop());
  w.shadow.start(with_pattern("masikszo", 12, "masik"), "desk:eva").value();
  CHECK(w.shadow.start(small_policy(), "desk:bob").error().kind == failure_kind::conflict);
  CHECK(w.send({0, 1}, "masikszo").text.find("held") == std::string::npos);
  CHECK(w.send({2}, "gyanusszo").text.find("held") != std::string::npos);
  CHECK(w.send({99}).code == 550);
  const auto r = w.shadow_report(4);
  INFO(json::serialize(r));
  CHECK(r.at("changes") == json::value({{"hold->send", 1}, {"send->hold", 2}}));
  CHECK(number(r, "same") == 1);
  CHECK(number(r, "dropped") == 0);
  CHECK(r.at("examples").as_array().size() == 3);
  CHECK(r.at("by") == "desk:eva");
  // No evidence is kept for its sake.
  CHECK(w.rows("decisions") == 0);
  CHECK(w.shadow.stop());
  w.send({3}, "masikszo");
  const auto last = w.shadow.report();
  CHECK_FALSE(last.at("on").as_bool());
  CHECK(number(last, "judged") == 4);
  CHECK(last.contains("ended_at"));
}

TEST_CASE("E8 the shadow of the policy in force sees what it sees") {
  world w;
  w.shadow.start(w.live.policy.get(), "desk:eva").value();
  w.mixed_traffic();
  const auto r = w.shadow_report(w.rows("verdicts"));
  CHECK(number(r, "same") == number(r, "judged"));
}

TEST_CASE("E8 mail never waits for the shadow: what it cannot take is dropped and counted") {
  world w;
  policy_shadow small{w.rooms.directory, w.clock, {.cases_max = 4, .bytes_max = 1000}};
  small.start(small_policy(), "desk:eva").value();
  shadow_case big{.tenant = w.tenant_named("shop"), .mail = std::string(2000, 'x')};
  big.recipients.resize(3);
  small.offer(big);
  CHECK(number(small.report(), "dropped") == 3);
  // More at once than it can judge meanwhile; each is judged, dropped, failed or waits.
  shadow_case broken{.tenant = w.tenant_named("shop")};
  broken.recipients.push_back({.facts = {std::make_shared<const std::string>("?"), "?"}});
  for (int i = 0; i < 20'000; ++i) small.offer(broken);
  CHECK(number(small.report(), "dropped") > 3);
  small.stop();
  const auto r = small.report();
  CHECK(number(r, "dropped") + number(r, "failed") == 20'003);
  CHECK(number(r, "judged") == 0);
}
