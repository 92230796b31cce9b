// A tenant's way in, and what its contact is told: RULES A2 1, 2/9, 3, 4, 12.
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "app/contact_link.h"
#include "app/public/contact_page.h"
#include "app/queue_control.h"
#include "tests/unit/app/tenant_world.h"

using namespace consentry;
using consentry::tests::app_world;
using consentry::tests::tenant_world;
using policy::tenants::tenant_state;

namespace {

boost::json::object json_of(const app::admin::response& r) {
  return boost::json::parse(r.body).as_object();
}

struct world : tenant_world {
  app::sign_up_desk desk{
      {.rooms = rooms, .live = live, .clock = clock, .notify_queue = [](instant) {}}};
  app::public_pages::context pages{rooms, live, clock, desk, {}};

  app::admin::response page(const std::string& method, const std::string& token) {
    app::admin::request r;
    r.method = method;
    r.path = {"a", token};
    return wait_for(app::public_pages::serve(pages, std::move(r)));
  }
  app::admin::response add(const std::string& state) {
    return ask(
        "POST", {"tenants"},
        R"({"name": "shop", "legal_name": "Bolt & <Társa> Kft.", "contact": "office@shop.test",
                   "state": ")" +
            state + R"("})");
  }
  static std::string token_in(const std::string& text) {
    const auto at = text.find("https://mx.test/a/");
    REQUIRE(at != std::string::npos);
    return text.substr(at + 18, 32);
  }
  tenant_state state() { return rooms.directory.get()->find_named("shop")->state; }
};

}  // namespace

TEST_CASE("A2.1 a pending tenant's contact gets a link; the page confirms by POST alone") {
  world w;
  const auto added = w.add("pending");
  CHECK(added.status == 201);
  CHECK(json_of(added).at("shown_state") == "pending");
  CHECK(json_of(added).contains("contact_link_expires"));
  REQUIRE(w.letters().size() == 1);
  const auto mail = w.letters()[0];
  CHECK(mail.to == "office@shop.test");
  CHECK(mail.message.reverse_path.empty());
  const auto token = w.token_in(mail.text);

  const auto shown = w.page("GET", token);
  CHECK(shown.status == 200);
  CHECK(shown.body.find("<form method=\"post\"") != std::string::npos);
  CHECK(shown.body.find("Bolt &amp; &lt;Társa&gt; Kft.") != std::string::npos);
  CHECK(shown.body.find("<script") == std::string::npos);
  CHECK(json_of(w.ask("GET", {"tenants", "shop"})).at("contact_confirmed") == false);
  CHECK(w.page("GET", "aaaa").status == 404);
  CHECK(w.page("POST", std::string(32, 'a')).status == 404);
  CHECK(w.page("PUT", token).status == 405);

  const auto done = w.page("POST", token);
  CHECK(done.status == 200);
  CHECK(done.body.find("DNS") != std::string::npos);  // it says what is missing
  CHECK(w.state() == tenant_state::pending);
  CHECK(w.page("POST", token).status == 200);  // twice is once
  CHECK(w.ask("POST", {"tenants", "shop", "contact-link"}, "{}").status == 409);

  const auto domain =
      w.ask("POST", {"tenants", "shop", "domains"}, R"({"domain": "shop.test", "proof": "dns"})");
  REQUIRE(domain.status == 201);
  const auto record = json_of(domain).at("dns").at(0);
  CHECK(record.at("name") == "_consentry.shop.test");
  CHECK(record.at("value").as_string().starts_with("consentry-domain="));
  CHECK(w.state() == tenant_state::pending);
}

TEST_CASE("A2.1 a link that was sent again replaces the first, and ends after seven days") {
  world w;
  w.add("pending");
  const auto first = w.token_in(w.letters().at(0).text);
  w.clock.advance(std::chrono::hours{24 * 8});
  CHECK(w.page("POST", first).status == 404);
  CHECK(w.ask("POST", {"tenants", "shop", "contact-link"}, "{}").status == 200);
  const auto second = w.token_in(w.letters().at(1).text);
  CHECK(second != first);
  CHECK(w.page("GET", first).status == 404);
  CHECK(w.page("POST", second).status == 200);
}

TEST_CASE("A2.1 only a hash of the link's token is kept") {
  world w;
  w.add("pending");
  const auto token = w.token_in(w.letters().at(0).text);
  for (const auto& e : w.events())
    for (const auto& [name, value] : e.facts) CHECK(value.find(token) == std::string::npos);
  const auto t = *w.rooms.directory.get()->find_named("shop");
  CHECK(t.contact_token_hash == app::contact_token_hash(token));
  CHECK(policy::tenants::encode(t).find(token) == std::string::npos);
}

TEST_CASE(
    "A2.3 the contact is told of overdue, suspension, end and block, with reason and advice") {
  world w;
  w.add("active");
  const auto id = w.tenant_named("shop");
  w.tell();
  CHECK(w.letters().empty());  // let in by a person, never hindered
  const auto set = [&](const std::string& state, const std::string& more = "") {
    return w.ask("POST", {"tenants", "shop", "state"},
                 R"({"state": ")" + state + R"(", "reason": "számla 2025/17")" + more + "}");
  };
  REQUIRE(set("overdue").status == 200);
  REQUIRE(set("active").status == 200);
  REQUIRE(set("suspended").status == 200);
  w.block(id, "mended lists");
  w.unblock(id, "settled");
  CHECK(set("terminated").status == 422);
  CHECK(set("terminated", R"(, "ended_because": "whim")").status == 422);
  REQUIRE(set("terminated", R"(, "ended_because": "over30_overdue")").status == 200);
  w.tell();
  w.tell();  // told once
  const auto letters = w.letters();
  const char* about[] = {"tenant.overdue",      "tenant.active",         "tenant.suspended",
                         "tenant.bulk_blocked", "tenant.bulk_unblocked", "tenant.terminated"};
  REQUIRE(letters.size() == 6);
  const auto notices = w.events(journal::event_kind::notice_sent);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(notices.at(i).facts.at("for") == about[i]);
    CHECK(letters[i].to == "office@shop.test");
  }
  CHECK(letters[1].subject.find("A fiók használható") != std::string::npos);
  CHECK(letters[0].text.find("Indok: számla 2025/17") != std::string::npos);
  CHECK(letters[0].text.find("Reason: számla 2025/17") != std::string::npos);
  CHECK(letters[5].text.find("over30_overdue: számla 2025/17") != std::string::npos);
  CHECK(letters[5].text.find("postmaster@mx.test") != std::string::npos);
}

TEST_CASE("A2.3 mail on hold is told of once a day for each reason and campaign") {
  world w;
  w.add("active");
  const auto id = w.tenant_named("shop");
  w.tell();
  const auto hold = [&](message_id message, const std::string& why) {
    app::queue_order order{.what = app::queue_act::hold, .reason = why, .actor = "desk:anna"};
    order.which = {.tenant = id, .message = message};
    app_world::wait_for(app::carry_out(w.rooms, w.clock, order)).value();
  };
  const std::vector<std::string> many{"a@x.test", "b@x.test", "c@x.test"};
  hold(w.enqueue(id, smtp::stream::bulk, many, "spring"), "odd list");
  hold(w.enqueue(id, smtp::stream::bulk, many, "summer"), "odd list");
  w.tell();
  CHECK(w.letters().size() == 2);
  hold(w.enqueue(id, smtp::stream::bulk, many, "spring"), "odd list");
  // The block was told of itself.
  hold(w.enqueue(id, smtp::stream::bulk, many, "spring"), "tenant.bulk_blocked");
  w.tell();
  CHECK(w.letters().size() == 2);
  w.clock.advance(std::chrono::hours{25});
  hold(w.enqueue(id, smtp::stream::bulk, many, "spring"), "odd list");
  w.tell();
  CHECK(w.letters().size() == 3);
}

TEST_CASE(
    "A2.3 what happened while the gateway was down is told after its start, old news is not") {
  tests::temp_folder folder;
  {
    tenant_world w{folder.path() / "store"};
    w.add_tenant("shop");
    w.tell();
    w.set_state(w.tenant_named("shop"), tenant_state::suspended);
  }
  {
    tenant_world w{folder.path() / "store"};
    CHECK(w.letters().empty());
    w.tell();
    CHECK(w.letters().size() == 1);
    w.set_state(w.tenant_named("shop"), tenant_state::active);
  }
  tenant_world w{folder.path() / "store"};
  w.clock.advance(std::chrono::hours{24 * 4});
  w.tell();
  CHECK(w.letters().size() == 1);
}

TEST_CASE("A2.2/9 the state that is shown names the block of bulk mail beside the contract") {
  world w;
  w.add("active");
  const auto id = w.tenant_named("shop");
  const auto shown = [&] {
    return std::string{json_of(w.ask("GET", {"tenants", "shop"})).at("shown_state").as_string()};
  };
  CHECK(shown() == "active");
  w.block(id, "complaints");
  CHECK(shown() == "bulk_blocked");
  w.set_state(id, tenant_state::overdue);
  CHECK(shown() == "overdue, bulk_blocked");
  CHECK(json_of(w.ask("GET", {"tenants", "shop"})).at("state") == "overdue");
}

TEST_CASE("A2.12 what was held when the contract ends goes back to its sender") {
  world w;
  w.add("active");
  const auto id = w.tenant_named("shop");
  const auto m = w.enqueue(id, smtp::stream::transactional, {"a@x.test"});
  app::queue_order order{.what = app::queue_act::hold, .reason = "look", .actor = "desk:anna"};
  order.which = {.tenant = id, .message = m};
  app_world::wait_for(app::carry_out(w.rooms, w.clock, order)).value();
  REQUIRE(w.ask("POST", {"tenants", "shop", "state"},
                R"({"state": "terminated", "reason": "left", "ended_because": "by_tenant"})")
              .status == 200);
  // Due again: the gate refuses it, which makes a DSN (departure_gate_test).
  CHECK(w.recipient({m.value + 1})->state == queue::recipient_state::queued);
  CHECK(json_of(w.ask("GET", {"tenants", "shop"})).at("data_kept_until") == "2025-06-12");
}
