#include "app/inbound.h"

#include <catch2/catch.hpp>

#include "tests/unit/app/app_world.h"

using namespace consentry;
using namespace consentry::tests;

TEST_CASE("a report is one report, however often its address is named") {
  app_world w;
  boost::asio::io_context io;
  smtp::dns::resolver_settings silent;
  silent.forwarders = {"127.0.0.1@9"};
  smtp::dns::resolver dns{io.get_executor(), silent};
  worker_pool workers{1};
  app::inbound reports{{.rooms = w.rooms,
                        .live = w.live,
                        .workers = workers,
                        .clock = w.clock,
                        .dns = dns,
                        .hold_bulk_of = [](tenant_id) {}},
                       {.host_name = "mx.test",
                        .feedback_address = smtp::mailbox::parse("fbl@mx.test").value(),
                        .bounce_domain = "bounce.mx.test"}};
  smtp::envelope envelope;
  for (const char* address : {"fbl@mx.test", "FBL@mx.test", "fbl@mx.test"}) {
    smtp::envelope_recipient r;
    r.address = smtp::mailbox::parse(address).value();
    envelope.recipients.push_back(std::move(r));
  }
  const smtp::server::session_info session{.role = smtp::server::listener_role::inbound};
  const auto answer = app_world::wait_for(
      reports.message(session, envelope, "From: a@b.test\r\nSubject: x\r\n\r\nhello\r\n"));
  CHECK(answer.code == 250);
  CHECK(w.events(journal::event_kind::complained).size() == 1);
}

TEST_CASE("RULES E6: abuse@ and postmaster@ of every domain of ours, and nobody else's") {
  app_world w;
  w.live.dkim_keys.set(std::make_shared<const smtp::auth::key_ring>());
  boost::asio::io_context io;
  smtp::dns::resolver_settings silent;
  silent.forwarders = {"127.0.0.1@9"};
  smtp::dns::resolver dns{io.get_executor(), silent};
  worker_pool workers{1};
  app::inbound reports{{.rooms = w.rooms,
                        .live = w.live,
                        .workers = workers,
                        .clock = w.clock,
                        .dns = dns,
                        .hold_bulk_of = [](tenant_id) {}},
                       {.host_name = "out.mx.test",
                        .feedback_address = smtp::mailbox::parse("fbl@mx.test").value(),
                        .bounce_domain = "bounce.mx.test",
                        .local_domains = {"ptr.mx.test"}}};
  const smtp::server::session_info session{.role = smtp::server::listener_role::inbound};
  const auto code = [&](const std::string& to) {
    smtp::envelope_recipient r;
    r.address = smtp::mailbox::parse(to).value();
    return app_world::wait_for(reports.recipient(session, {}, r)).code;
  };
  for (const char* domain : {"mx.test", "bounce.mx.test", "out.mx.test", "ptr.mx.test"})
    for (const char* role : {"abuse", "Postmaster", "ABUSE"}) {
      INFO(role << "@" << domain);
      CHECK(code(std::string{role} + "@" + domain) == 250);
    }
  CHECK(code("abuse@elsewhere.test") == 550);
  CHECK(code("abuse@test") == 550);
  CHECK(code("info@mx.test") == 550);
}
