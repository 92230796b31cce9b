// Double opt-in from the form to the consent, without HTTP (RULES A2 5.3).
#include "app/sign_up_desk.h"

#include <catch2/catch.hpp>

#include "app/departure_gate.h"
#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::app;
using consentry::tests::app_world;
using journal::event_kind;
using policy::consent::sign_up_source;
using act = queue::dispatch_decision::act;

namespace {

struct sign_up_world : app_world {
  std::size_t notified = 0;
  sign_up_desk desk{{.rooms = rooms,
                     .live = live,
                     .clock = clock,
                     .host_name = "mx.test",
                     .site_url = "https://mx.test/",
                     .notify_queue = [this](instant) { ++notified; }}};
  departure_gate gate{rooms, live, clock};
  tenant_id shop = add_tenant("shop");
  policy::consent::sign_up_form form;

  sign_up_world() {
    add_domain(shop, "shop.test");
    form.id = "abcdefghijklmnop";
    form.tenant = shop;
    form.topic = "news";
    form.language = "hu";
    form.title = "Hírlevél";
    form.notice.text = "Hozzájárulok.";
    form.notice.hash = policy::consent::hash_of_notice(form.notice.text);
    form.from = "news@shop.test";
    change([&](write_txn& txn) {
      rooms.sign_ups.put_form(txn, form, "added", {.at = clock.now(), .actor = "desk:test"});
    });
  }
  void sign_up(const std::string& address) {
    const auto tenant = *rooms.directory.get()->find(shop);
    const auto who = smtp::mailbox::parse(address).value();
    wait_for(desk.sign_up(form, tenant, who, "Jane", {.ip = "192.0.2.1", .user_agent = "A"}))
        .value();
  }
  policy::consent::sign_up_mark mark(const std::string& address) {
    const auto key = key_of(shop, address, "news");
    return read([&](read_txn& txn) { return rooms.sign_ups.mark_of(txn, key); });
  }
  confirmation confirm(policy::consent::sign_up_id id,
                       sign_up_source source = sign_up_source::form) {
    return wait_for(desk.confirm(id, source, {}, clock.now(),
                                 {.ip = "192.0.2.2", .user_agent = "B"}, "double_opt_in"))
        .value();
  }
  std::optional<policy::consent::consent_record> consent(const std::string& address) {
    const auto key = key_of(shop, address, "news");
    return read([&](read_txn& txn) { return rooms.consents.find(txn, key); });
  }
  queue::dispatch_decision ask(message_id mail) {
    const recipient_id first{mail.value + 1};
    return gate.ask(message_of(first), recipient(first).value());
  }
};

}  // namespace

TEST_CASE("A2.5.3: sign-up and mail are one commit; the mail leaves on the doi stream") {
  sign_up_world w;
  w.sign_up("jane@one.test");
  const auto m = w.mark("jane@one.test");
  REQUIRE(m.mail);
  CHECK(w.notified == 1);
  const auto mail = w.message_of(recipient_id{m.mail.value + 1});
  CHECK(mail.stream == smtp::stream::doi);
  CHECK(mail.topic == "news");
  CHECK(mail.sender_domain == "shop.test");
  CHECK_FALSE(mail.is_notice);
  CHECK(w.ask(m.mail).what == act::proceed);
  CHECK(w.events(event_kind::signed_up).size() == 1);
  CHECK_FALSE(w.consent("jane@one.test"));
  w.clock.advance(std::chrono::hours{24});
  CHECK(w.ask(m.mail).what == act::proceed);
  w.clock.advance(std::chrono::milliseconds{1});
  CHECK(w.ask(m.mail).reason == "doi.no_sign_up");
}

TEST_CASE("A2.5.3: within a day of the last one no second mail goes out") {
  sign_up_world w;
  for (int i = 0; i < 3; ++i) w.sign_up("jane@one.test");
  CHECK(w.events(event_kind::notice_sent).size() == 1);
  CHECK(w.events(event_kind::signed_up).size() == 1);
  CHECK(w.mark("jane@one.test").asked == 3);
  w.clock.advance(std::chrono::hours{24});
  w.sign_up("Jane@One.Test");
  CHECK(w.events(event_kind::notice_sent).size() == 2);
}

TEST_CASE("A2.5.3: of two confirmations judged at once only the first leaves") {
  sign_up_world w;
  w.sign_up("jane@one.test");
  const auto other = w.enqueue(w.shop, smtp::stream::doi, {"jane@one.test"}, "", "news");
  CHECK(w.ask(other).reason == "doi.repeated");
  CHECK(w.ask(w.mark("jane@one.test").mail).what == act::proceed);
}

TEST_CASE("A2.5.3, D1: the confirmation makes the consent, with the evidence of both acts") {
  sign_up_world w;
  w.sign_up("jane@one.test");
  const auto signed_up_at = w.clock.now();
  w.clock.advance(std::chrono::hours{2});
  const auto id = w.mark("jane@one.test").last;
  CHECK(w.confirm(id) == confirmation::done);
  CHECK(w.confirm(id) == confirmation::already);
  const auto c = w.consent("jane@one.test");
  REQUIRE(c);
  CHECK(c->given_at == signed_up_at);
  CHECK(c->confirmed_at == w.clock.now());
  CHECK(c->method == "double_opt_in");
  CHECK(c->notice.hash == w.form.notice.hash);
  CHECK(c->ip == "192.0.2.1");
  CHECK(c->doi_sent_at == signed_up_at);
  CHECK(c->confirmed_ip == "192.0.2.2");
  CHECK(c->evidence_reference.find("192.0.2.2") == std::string::npos);
  CHECK(w.events(event_kind::consent_given).size() == 1);
  CHECK(w.events(event_kind::consent_confirmed).size() == 1);
}

TEST_CASE("A2.5.3: a day later a link confirms nothing") {
  sign_up_world w;
  w.sign_up("jane@one.test");
  const auto id = w.mark("jane@one.test").last;
  w.clock.advance(std::chrono::hours{24} + std::chrono::milliseconds{1});
  CHECK(w.confirm(id) == confirmation::expired);
  CHECK_FALSE(w.consent("jane@one.test"));
  CHECK(w.confirm(policy::consent::sign_up_id{1}) == confirmation::expired);
}

TEST_CASE("5.2.1, D3: who confirms after a withdrawal has consented anew") {
  sign_up_world w;
  w.sign_up("jane@one.test");
  w.clock.advance(std::chrono::minutes{5});
  w.withdraw(w.shop, "jane@one.test", "news");
  w.clock.advance(std::chrono::minutes{5});
  CHECK(w.confirm(w.mark("jane@one.test").last) == confirmation::done);
  CHECK_FALSE(w.consent("jane@one.test")->is_withdrawn());
  CHECK(w.consent("jane@one.test")->given_at == w.clock.now());
}

TEST_CASE("A2.5.3: the CRM cannot confirm what the gateway mailed, nor another tenant's sign-up") {
  sign_up_world w;
  w.sign_up("jane@one.test");
  const auto mine = w.mark("jane@one.test").last;
  CHECK(w.confirm(mine, sign_up_source::api) == confirmation::not_ours);
  const auto told = w.app_world::sign_up(w.shop, "joe@one.test", "news");
  CHECK(w.confirm(told.id) == confirmation::not_ours);
  const auto rival = w.add_tenant("rival");
  CHECK(sign_up_world::wait_for(
            w.desk.confirm(told.id, sign_up_source::api, rival, w.clock.now(), {}, "desk:test"))
            .value() == confirmation::not_ours);
  CHECK(w.confirm(told.id, sign_up_source::api) == confirmation::done);
}

TEST_CASE("A2.5.3, C5: who complained gets no confirmation either") {
  sign_up_world w;
  w.suppress(w.shop, "jane@one.test", reputation::suppression_reason::complaint);
  w.sign_up("jane@one.test");
  CHECK(w.ask(w.mark("jane@one.test").mail).reason == "suppressed.complaint");
}
