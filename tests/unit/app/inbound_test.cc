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
