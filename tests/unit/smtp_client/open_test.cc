#include <catch2/catch.hpp>

#include "tests/unit/smtp_client/fake_server.h"

namespace consentry::smtp::client {
namespace {

// What opening a connection to a server of this script comes to.
open_result open_on(script s, connection_settings settings) {
  fake_server server{{std::move(s)}};
  auto out = run(connection::open(server.where(), std::move(settings)));
  out.made.reset();
  return out;
}

using std::chrono::milliseconds;

}  // namespace

TEST_CASE("a refused connection speaks of the site") {
  fake_server nobody{{}};
  const auto r = run(connection::open(nobody.where(), plain_settings()));
  CHECK_FALSE(r.made);
  CHECK(r.problem.kind == outcome_kind::deferred);
  CHECK(r.problem.scope == outcome_scope::site);
  CHECK(r.problem.cause.find("refused") != std::string::npos);
  CHECK(r.problem.remote_ip == "127.0.0.1");
  CHECK(r.problem.remote_host == "mx.example.test");
}

TEST_CASE("greetings that refuse leave room for another host") {
  struct row {
    const char* greeting;
    outcome_kind kind;
    int code;
  };
  for (const row& w : {row{"421 4.3.2 busy", outcome_kind::deferred, 421},
                       {"450 later", outcome_kind::deferred, 450},
                       {"554 no service", outcome_kind::deferred, 554},
                       {"521 never", outcome_kind::bounced, 521},
                       {"556 never", outcome_kind::bounced, 556}}) {
    INFO(w.greeting);
    const auto r = open_on([&](peer& p) { p.say(w.greeting); }, plain_settings());
    CHECK_FALSE(r.made);
    CHECK(r.problem.kind == w.kind);
    CHECK(r.problem.scope == outcome_scope::session);
    CHECK(r.problem.last_reply.code == w.code);
  }
}

TEST_CASE("a server that says nothing, and one that says it slowly, run into the deadline") {
  auto s = plain_settings();
  s.wait.greeting = milliseconds{30};
  for (const char* start : {"", "220-mx\r\n220"}) {
    const auto r = open_on(
        [&](peer& p) {
          p.raw(start);
          p.wait_for_end();
        },
        s);
    CHECK_FALSE(r.made);
    CHECK(r.problem.cause.find("timeout") != std::string::npos);
  }
}

TEST_CASE("broken greetings") {
  // A reset may overtake the connecting itself: then nothing answered at all.
  const auto reset = open_on([](peer& p) { p.reset(); }, plain_settings());
  CHECK_FALSE(reset.made);
  CHECK(reset.problem.kind == outcome_kind::deferred);
  CHECK((reset.problem.scope == outcome_scope::session ||
         reset.problem.scope == outcome_scope::site));
  for (script s : {script{[](peer&) {}}, script{[](peer& p) { p.say("hello"); }},
                   script{[](peer& p) { p.say("HTTP/1.1 400 Bad Request"); }},
                   script{[](peer& p) { p.raw(std::string(5000, '2')); }}}) {
    const auto r = open_on(s, plain_settings());
    CHECK_FALSE(r.made);
    CHECK(r.problem.kind == outcome_kind::deferred);
    CHECK(r.problem.scope == outcome_scope::session);
    CHECK_FALSE(r.problem.cause.empty());
  }
}

TEST_CASE("a server without EHLO is greeted with HELO") {
  fake_server server{{[](peer& p) {
    p.say("220 old");
    p.answer("EHLO gateway.example.test", "502 what?");
    p.answer("HELO gateway.example.test", "250 hi");
    p.take_message();
    p.answer("QUIT", "221 bye");
  }}};
  const auto d = run(deliver(server.where(), plain_settings(), {message_to({"a@example.hu"})}));
  CHECK(d.results.at(0).outcomes.at(0).kind == outcome_kind::delivered);
  CHECK(server.has_heard("MAIL FROM:<from@example.hu>"));
}

TEST_CASE("a host with our own name is ourselves") {
  auto s = plain_settings();
  s.own_name = "mail.example.test";
  for (const char* name : {"mail.example.test", "MAIL.Example.TEST at your service"}) {
    const auto r = open_on(
        [&](peer& p) {
          p.say("220 x");
          p.answer("EHLO gateway.example.test", std::string{"250-"} + name + "\r\n250 PIPELINING");
        },
        s);
    CHECK_FALSE(r.made);
    CHECK(r.problem.kind == outcome_kind::bounced);
    CHECK(r.problem.scope == outcome_scope::session);
    CHECK(r.problem.cause.find("loops back") != std::string::npos);
  }
  fake_server other{{[](peer& p) {
    p.say("220 x");
    p.answer("EHLO gateway.example.test", "250 mail.example.test.example");
    p.take_message();
    p.answer("QUIT", "221 bye");
  }}};
  const auto d = run(deliver(other.where(), s, {message_to({"a@example.hu"})}));
  CHECK(d.results.at(0).outcomes.at(0).kind == outcome_kind::delivered);
}

TEST_CASE("EHLO answered 4xx, and EHLO and HELO refused") {
  auto r = open_on(
      [](peer& p) {
        p.say("220 x");
        p.answer("EHLO", "451 4.3.0 later");
      },
      plain_settings());
  CHECK(r.problem.last_reply.code == 451);
  r = open_on(
      [](peer& p) {
        p.say("220 x");
        p.answer("EHLO", "550 no");
        p.answer("HELO", "550 no");
      },
      plain_settings());
  CHECK(r.problem.last_reply.code == 550);
  CHECK(r.problem.kind == outcome_kind::deferred);
  r = open_on(
      [](peer& p) {
        p.say("220 x");
        p.answer("EHLO", "421 bye");
      },
      plain_settings());
  CHECK(r.problem.last_reply.code == 421);
  r = open_on(
      [](peer& p) {
        p.say("220 x");
        p.hear();
        p.reset();
      },
      plain_settings());
  CHECK_FALSE(r.made);
}

TEST_CASE("STARTTLS is used where offered, and EHLO is said again inside") {
  fake_server server{{[](peer& p) {
    p.greet("STARTTLS PIPELINING");
    p.answer("STARTTLS", "220 go");
    p.start_tls();
    p.answer("EHLO", "250 mx.example.test");
    p.take_message();
    p.answer("QUIT", "221 bye");
  }}};
  const auto d = run(deliver(server.where(), tls_settings(tls_mode::opportunistic),
                             {message_to({"a@example.hu"})}));
  const auto& o = d.results.at(0).outcomes.at(0);
  CHECK(o.kind == outcome_kind::delivered);
  CHECK(o.tls.rfind("TLSv1.", 0) == 0);
  // PIPELINING was offered in clear only and must be forgotten: the script takes one command at a
  // time.
  CHECK(server.has_heard("DATA"));
}

TEST_CASE("STARTTLS refused: clear text where that is allowed") {
  fake_server server{{[](peer& p) {
    p.greet("STARTTLS");
    p.answer("STARTTLS", "454 4.7.0 no certificate");
    p.take_message();
    p.answer("QUIT", "221 bye");
  }}};
  const auto d = run(deliver(server.where(), tls_settings(tls_mode::opportunistic),
                             {message_to({"a@example.hu"})}));
  CHECK(d.results.at(0).outcomes.at(0).kind == outcome_kind::delivered);
  CHECK(d.results.at(0).outcomes.at(0).tls.empty());
}

TEST_CASE("TLS that is required and does not come about") {
  for (script s : {script{[](peer& p) { p.greet(); }}, script{[](peer& p) {
                     p.greet("STARTTLS");
                     p.answer("STARTTLS", "454 no");
                   }}}) {
    const auto r = open_on(s, tls_settings(tls_mode::required));
    CHECK_FALSE(r.made);
    CHECK(r.tls_failed);
    CHECK(r.problem.kind == outcome_kind::deferred);
  }
}

TEST_CASE("a failed handshake ends the connection and is told") {
  const script faults[] = {
      [](peer& p) {
        p.greet("STARTTLS");
        p.answer("STARTTLS", "220 go");
        p.raw("this is no TLS record at all");
        p.wait_for_end();
      },
      [](peer& p) {
        p.greet("STARTTLS");
        p.answer("STARTTLS", "220 go");
        p.reset();
      },
      [](peer& p) {
        p.greet("STARTTLS");
        p.answer("STARTTLS", "220 go");
      },
      // RFC 3207: bytes slipped in before the handshake.
      [](peer& p) {
        p.greet("STARTTLS");
        p.hear();
        p.raw("220 go\r\n250 injected\r\n");
        p.wait_for_end();
      },
  };
  for (const auto& s : faults) {
    const auto r = open_on(s, tls_settings(tls_mode::opportunistic));
    CHECK_FALSE(r.made);
    CHECK(r.tls_failed);
    CHECK(r.problem.scope == outcome_scope::session);
  }
  auto slow = tls_settings(tls_mode::opportunistic);
  slow.wait.tls_handshake = milliseconds{30};
  const auto r = open_on(
      [](peer& p) {
        p.greet("STARTTLS");
        p.answer("STARTTLS", "220 go");
        p.wait_for_end();
      },
      slow);
  CHECK(r.tls_failed);
  CHECK(r.problem.cause.find("timeout") != std::string::npos);
}

TEST_CASE("STARTTLS is left alone where TLS is off") {
  fake_server server{{[](peer& p) {
    p.greet("STARTTLS");
    p.answer("QUIT", "221 bye");
  }}};
  const auto d = run(deliver(server.where(), plain_settings(), {}));
  CHECK_FALSE(server.has_heard("STARTTLS"));
  CHECK(server.has_heard("QUIT"));
}

TEST_CASE("the source address is bound before connecting") {
  fake_server server{{[](peer& p) {
    p.greet();
    p.answer("QUIT", "221 bye");
  }}};
  auto s = plain_settings();
  s.source_ipv4 = boost::asio::ip::make_address("127.0.0.77");
  CHECK(run(deliver(server.where(), s, {})).was_open_at_end);
  fake_server other{{}};
  s.source_ipv4 = boost::asio::ip::make_address("192.0.2.77");  // not ours
  const auto r = run(connection::open(other.where(), s));
  CHECK_FALSE(r.made);
  CHECK(r.problem.scope == outcome_scope::site);
}

}  // namespace consentry::smtp::client
