// The real courier and the real transport against a mail server that does what the test tells it.
#include <catch2/catch.hpp>

#include "queue/delivery.h"
#include "queue/header_fields.h"
#include "queue/smtp_transport.h"
#include "queue/working_set.h"
#include "tests/unit/queue/store_fixture.h"
#include "tests/unit/smtp_client/fake_server.h"
#include "tests/unit/smtp_dns/dns_fixture.h"

using namespace consentry;
using namespace consentry::queue;
using namespace consentry::queue::tests;
using Catch::Contains;
using smtp::outcome_kind;
using smtp::client::fake_server;
using smtp::client::peer;
using smtp::client::script;

namespace {

constexpr const char* zone = R"($ORIGIN test.
$TTL 60
@      SOA ns. admin. 1 60 60 60 60
@      NS  ns.test.
two    MX  10 dead
two    MX  20 live
dead   A   127.0.0.2
live   A   127.0.0.1
one    MX  10 live
many   MX  10 dead
many   MX  20 live
many   A   127.0.0.1
null   MX  0 .
)";

const std::string mail =
    "From: news@shop.example\r\nSubject: Hello\r\n\r\nLine one\r\n.dot\r\nlast\r\n";

struct network {
  explicit network(std::vector<script> scripts,
                   smtp::client::tls_mode tls = smtp::client::tls_mode::off)
      : server{std::move(scripts)} {
    settings.connection = tls == smtp::client::tls_mode::off ? smtp::client::plain_settings()
                                                             : smtp::client::tls_settings(tls);
    settings.connection.wait.quit = std::chrono::milliseconds{50};
    settings.mx.allow_loopback = true;
    settings.port = server.where().port;
  }
  ~network() { close(); }

  // One recipient of one message, as the scheduler would hand it over.
  carried carry(const std::string& domain, bool may_start = true) {
    if (!transport) {
      transport.emplace(runner.io().get_executor(), runner.dns, settings);
      courier.emplace(delivery::parts{.bodies = q.bodies,
                                      .workers = workers,
                                      .network = *transport,
                                      .keys = [this] { return keys; },
                                      .tokens = [this] { return tokens; },
                                      .routes = [this] { return routes; },
                                      .clock = clock},
                      delivery_settings{.copies = {.bounce_domain = "bounce.gw.test"}});
    }
    auto m = std::make_shared<queued_message>(bulk_message());
    m->body_at = q.bodies.append(body).value().location;
    m->id.value = ++last;
    m->recipients_total = 1;
    auto r = std::make_shared<queued_recipient>(to(local, domain));
    r->id.value = ++last;
    std::function<bool()> gate = [may_start] { return may_start; };
    auto from = way;
    from.path = path_name(*courier->site_of(domain), way.from == nullptr ? "default" : "source");
    return runner.run(courier->carry(m, r, std::move(from), std::move(gate)));
  }
  departure way;  // its path is made of the domain's site
  void close() {
    if (transport) runner.run(shut());
    courier.reset();
    transport.reset();
  }
  boost::asio::awaitable<bool> shut() {
    co_await transport->close();
    co_return true;
  }

  smtp::dns::scratch_folder zones;
  consentry::tests::temp_folder folder;
  store_on q{folder.path()};
  worker_pool workers{1};
  manual_clock clock{noon};
  std::shared_ptr<const smtp::auth::key_ring> keys = std::make_shared<smtp::auth::key_ring>();
  std::shared_ptr<const smtp::token_ring> tokens = std::make_shared<smtp::token_ring>(
      std::vector<smtp::token_key>{{.number = 1, .secret = std::string(32, 'k')}});
  std::shared_ptr<const route_table> routes = std::make_shared<route_table>();
  std::string body = mail;
  std::string local = "anna";
  std::uint64_t last = 0;
  fake_server server;
  smtp_transport_settings settings;
  smtp::dns::dns_runner runner{smtp::dns::embedded(zones, "test", zone)};
  std::optional<smtp_transport> transport;
  std::optional<delivery> courier;
};

void routed(network& n, std::string pattern = "*") {
  n.routes = std::make_shared<route_table>(
      std::vector<route>{{std::move(pattern), "127.0.0.1", n.server.where().port}});
}

void one_message(peer& p) {
  p.greet("PIPELINING 8BITMIME");
  p.take_message();
  p.answer("QUIT", "221 bye");
}

}  // namespace

TEST_CASE("a copy goes by a static route with its own return path and header") {
  network n{{one_message}};
  routed(n);
  const auto c = n.carry("customer.example");
  CHECK(c.outcome.kind == outcome_kind::delivered);
  CHECK(c.outcome.remote_host == "127.0.0.1");
  n.close();
  const auto& heard = n.server.heard();
  const auto token = n.tokens->make(recipient_id{2}, smtp::token_purpose::return_path);
  CHECK(n.server.has_heard("MAIL FROM:<b-" + token + "@bounce.gw.test>"));
  CHECK(n.server.has_heard("RCPT TO:<anna@customer.example>"));
  CHECK(n.server.has_heard("QUIT"));
  std::string message;
  for (const auto& h : heard)
    if (h.find("Subject: Hello") != std::string::npos) message = h;
  CHECK_THAT(message, Contains("\r\nList-Unsubscribe: ") && Contains("\r\nLine one\r\n..dot\r\n"));
}

TEST_CASE("a connection is used for the next message, up to its limit") {
  const script two = [](peer& p) {
    p.greet();
    p.take_message();
    p.take_message();
    p.answer("QUIT", "221 bye");
  };
  network n{{two, one_message}};
  n.way.messages_per_connection_max = 2;
  routed(n);
  for (int i = 0; i < 3; ++i)
    CHECK(n.carry("customer.example").outcome.kind == outcome_kind::delivered);
  CHECK(n.transport->idle() == 1);
  n.close();
  int connections = 0;
  for (const auto& h : n.server.heard()) connections += h.starts_with("EHLO ") ? 1 : 0;
  CHECK(connections == 2);
}

TEST_CASE("a connection that the server closed meanwhile is no failure") {
  const script closes = [](peer& p) {
    p.greet();
    p.take_message();
  };
  network n{{closes, one_message}};
  routed(n);
  CHECK(n.carry("customer.example").outcome.kind == outcome_kind::delivered);
  CHECK(n.carry("customer.example").outcome.kind == outcome_kind::delivered);
  n.close();
}

TEST_CASE("the next MX is tried where the first does not answer") {
  network n{{one_message}};
  const auto c = n.carry("two.test");
  CHECK(c.outcome.kind == outcome_kind::delivered);
  CHECK(c.outcome.remote_host == "live.test");
}

TEST_CASE("the next host is tried where one greets with 421, not where it refuses the recipient") {
  const script busy = [](peer& p) { p.say("421 4.3.2 too busy"); };
  const script refuses = [](peer& p) {
    p.greet();
    p.answer("MAIL FROM:", "250 2.1.0 ok");
    p.answer("RCPT TO:", "451 4.7.1 greylisted");
    // RSET, QUIT or the end: the connection is kept for another message.
    p.wait_for_end();
  };
  network n{{busy, refuses}};
  const auto first = n.carry("one.test");
  CHECK(first.outcome.kind == outcome_kind::deferred);
  CHECK(first.outcome.scope != smtp::outcome_scope::recipient);
  const auto second = n.carry("one.test");
  CHECK(second.outcome.kind == outcome_kind::deferred);
  CHECK(second.outcome.last_reply.code == 451);
  CHECK(second.outcome.scope == smtp::outcome_scope::recipient);
}

TEST_CASE("a domain that takes no mail, or is none, bounces with its code") {
  network n{{}};
  const auto null_mx = n.carry("null.test");
  CHECK(null_mx.outcome.kind == outcome_kind::bounced);
  CHECK(null_mx.outcome.last_reply.enhanced == smtp::enhanced_code{5, 1, 10});
  const auto none = n.carry("nowhere.test");
  CHECK(none.outcome.kind == outcome_kind::bounced);
  CHECK(none.outcome.last_reply.enhanced == smtp::enhanced_code{5, 1, 2});
}

TEST_CASE("a host that nobody answers on defers, for the whole site") {
  network n{{}};
  n.settings.port = 9;
  const auto c = n.carry("two.test");
  CHECK(c.outcome.kind == outcome_kind::deferred);
  CHECK(c.outcome.scope == smtp::outcome_scope::site);
  CHECK_FALSE(c.outcome.cause.empty());
}

TEST_CASE("a failed handshake is tried again in clear text") {
  const script bad_tls = [](peer& p) {
    p.greet("STARTTLS");
    p.answer("STARTTLS", "220 go");
    p.raw("this is no handshake at all\r\n");
    p.wait_for_end();
  };
  network n{{bad_tls, one_message}, smtp::client::tls_mode::opportunistic};
  routed(n);
  const auto c = n.carry("customer.example");
  CHECK(c.outcome.kind == outcome_kind::delivered);
  CHECK(c.outcome.tls.empty());
}

TEST_CASE("a closed gate breaks off before anything is said") {
  network n{{}};
  routed(n);
  CHECK(n.carry("customer.example", false).broken_off);
}

TEST_CASE("a body that cannot be read defers, and is not sent in part") {
  network n{{}};
  routed(n);
  auto m = std::make_shared<queued_message>(bulk_message());
  (void)n.carry("customer.example", false);
  m->body_at = {.segment = 77, .offset = 16, .length = 4, .crc = 1};
  auto r = std::make_shared<queued_recipient>(to("anna", "customer.example"));
  std::function<bool()> gate = [] { return true; };
  const auto c = n.runner.run(n.courier->carry(m, r, {}, std::move(gate)));
  CHECK(c.outcome.kind == outcome_kind::deferred);
  CHECK(c.outcome.last_reply.enhanced == smtp::enhanced_code{4, 3, 0});
}

TEST_CASE("an international address needs SMTPUTF8 at the next hop") {
  const script no_utf8 = [](peer& p) {
    p.greet("8BITMIME");
    p.wait_for_end();
  };
  network n{{no_utf8}};
  routed(n);
  n.local = "\xc3\xa1rv\xc3\xadz";
  const auto c = n.carry("customer.example");
  CHECK(c.outcome.kind == outcome_kind::bounced);
  CHECK(c.outcome.last_reply.enhanced == smtp::enhanced_code{5, 6, 7});
}

TEST_CASE("an 8-bit body arrives converted, so that its signature survives any relay") {
  network n{{one_message}};
  routed(n);
  n.body = "From: a@shop.example\r\nSubject: x\r\n\r\n\xc3\xa1\r\n";
  CHECK(n.carry("customer.example").outcome.kind == outcome_kind::delivered);
  n.close();
  for (const auto& h : n.server.heard()) CHECK_FALSE(has_eight_bit(h));
}
