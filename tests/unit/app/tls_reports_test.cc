// Sessions counted, written down, and told of by mail and over HTTPS.
#include "app/tls_reports.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/support/https_server.h"
#include "tests/unit/app/app_world.h"
#include "tests/unit/smtp_dns/dns_fixture.h"

using namespace consentry;
using namespace consentry::app;
using smtp::security::day_of;
using smtp::security::tls_session;

namespace {

constexpr const char* head = R"($ORIGIN test.
$TTL 60
@ SOA ns. admin. 1 60 60 60 60
@ NS ns.test.
web A 127.0.0.1
plain A 127.0.0.1
_smtp._tls.mailed TXT "v=TLSRPTv1; rua=mailto:tls@mailed.test"
)";

struct report_world : tests::app_world {
  explicit report_world(const std::string& status = "201 Created")
      : web{"web.test",
            "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
        runner{smtp::dns::embedded(zones, "test",
                                   head +
                                       std::string{"_smtp._tls.posted TXT \"v=TLSRPTv1; "
                                                   "rua=https://web.test:"} +
                                       std::to_string(web.port()) + "/tls\"\n")},
        reports{{.rooms = rooms,
                 .clock = clock,
                 .dns = runner.dns,
                 .workers = workers,
                 .notify_queue = [this](instant due) { notified = due; }},
                {.organization = "Example Kft.",
                 .contact = smtp::mailbox::parse("tls@gw.test").value(),
                 .host_name = "mail.gw.test",
                 .authorities = web.certificate(),
                 .allow_loopback = true}} {}

  void see(const std::string& domain, const std::string& result_type = {}, int times = 1) {
    tls_session s;
    s.domain = domain;
    s.result_type = result_type;
    s.mx_host = "mx." + domain;
    for (int i = 0; i < times; ++i) reports.count(s);
  }
  std::size_t kept(const std::string& domain) {
    const auto day = read(
        [&](const read_txn& txn) { return rooms.tls_days.find(txn, day_of(clock.now()), domain); });
    return day ? day->policies.at(0).successes + day->policies.at(0).failures : 0;
  }
  std::size_t rows_left() {
    return read([&](const read_txn& txn) {
      return rooms.tls_days.past(txn, day_of(clock.now()), {}, 100).size();
    });
  }
  std::vector<queue::queued_message> queued() {
    std::vector<queue::queued_message> out;
    read([&](const read_txn& txn) {
      auto c = txn.scan(rooms.env.open_table("queue_messages"));
      for (bool ok = c.first(); ok; ok = c.next())
        out.push_back(queue::decode_message(message_id{}, c.value()));
      return true;
    });
    return out;
  }

  tests::https_server web;
  smtp::dns::scratch_folder zones;
  worker_pool workers{1};
  instant notified{};
  smtp::dns::dns_runner runner;
  tls_reports reports;
};

}  // namespace

TEST_CASE("only what a domain asks for is written down, and sums over the day") {
  report_world w;
  w.see("mailed.test", {}, 3);
  w.see("plain.test", {}, 3);
  w.runner.run(w.reports.flush()).value();
  w.see("mailed.test", "certificate-expired", 2);
  w.runner.run(w.reports.flush()).value();
  CHECK(w.kept("mailed.test") == 5);
  CHECK(w.kept("plain.test") == 0);
}

TEST_CASE("a report goes by mail when its day is over, once, and asks for no TLS on its way") {
  report_world w;
  w.see("mailed.test", "certificate-expired", 2);
  w.runner.run(w.reports.flush()).value();
  w.runner.run(w.reports.report()).value();
  CHECK(w.queued().empty());  // the day is not over
  w.clock.advance(std::chrono::hours{36});
  w.runner.run(w.reports.report()).value();
  w.runner.run(w.reports.report()).value();
  const auto all = w.queued();
  REQUIRE(all.size() == 1);
  CHECK(all[0].tls == smtp::tls_wish::waived);
  CHECK(all[0].is_notice);
  CHECK(all[0].sender_domain == "gw.test");
  CHECK(w.notified == w.clock.now());
  CHECK(w.rows_left() == 0);
  const auto mail = w.rooms.bodies.read(all[0].body_at).value();
  for (const char* line : {"From: <tls@gw.test>\r\n", "To: <tls@mailed.test>\r\n",
                           "TLS-Report-Domain: mailed.test\r\n",
                           "TLS-Report-Submitter: mail.gw.test\r\n", "TLS-Required: No\r\n",
                           "report-type=\"tlsrpt\"", "Content-Type: application/tlsrpt+gzip\r\n"})
    CHECK(mail.find(line) != std::string::npos);
}

TEST_CASE("a report is posted where the domain wants it so") {
  report_world w;
  w.see("posted.test");
  w.runner.run(w.reports.flush()).value();
  w.clock.advance(std::chrono::hours{36});
  w.runner.run(w.reports.report()).value();
  REQUIRE(w.web.asked().size() == 1);
  const auto asked = w.web.asked()[0];
  CHECK(asked.starts_with("POST /tls HTTP/"));
  CHECK(asked.find("Content-Type: application/tlsrpt+gzip\r\n") != std::string::npos);
  const auto body = asked.substr(asked.find("\r\n\r\n") + 4);
  CHECK(body.starts_with("\x1f\x8b"));  // gzip
  CHECK(w.rows_left() == 0);
}

TEST_CASE("a report that nobody takes is tried again, for three days") {
  report_world w{"500 Sorry"};
  w.see("posted.test");
  w.runner.run(w.reports.flush()).value();
  w.clock.advance(std::chrono::hours{36});
  w.runner.run(w.reports.report()).value();
  CHECK(w.web.asked().size() == 1);
  CHECK(w.rows_left() == 1);
  w.clock.advance(std::chrono::hours{72});
  w.runner.run(w.reports.report()).value();
  CHECK(w.web.asked().size() == 2);
  CHECK(w.rows_left() == 0);
}

TEST_CASE("what was counted before the end is kept") {
  report_world w;
  w.see("mailed.test", {}, 4);
  auto closing = [&]() -> boost::asio::awaitable<bool> {
    co_await w.reports.close();
    co_return true;
  };
  w.runner.run(closing());
  CHECK(w.kept("mailed.test") == 4);
}
