#include <sys/socket.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <future>

#include "tests/unit/smtp_dns/dns_fixture.h"

namespace consentry::smtp::dns {
namespace {

constexpr const char* zone = R"($ORIGIN zone.test.
$TTL 60
@      SOA ns. admin. 1 60 60 60 60
@      NS  ns.zone.test.
@      MX  10 MX1
@      MX  20 mx2
mx1    A   192.0.2.1
mx1    A   192.0.2.2
mx1    AAAA 2001:db8::1
k._domainkey TXT "v=DKIM1; p=" "abcdef"
alias  CNAME mx1
odd    MX 5 m\010x
odd    MX 6 good
)";

// A server that never answers.
struct silent_server {
  boost::asio::io_context io;
  boost::asio::ip::udp::socket socket{io, {boost::asio::ip::address_v4::loopback(), 0}};
  resolver_settings settings() const {
    resolver_settings s;
    s.stubs.push_back({"zone.test", "127.0.0.1@" + std::to_string(socket.local_endpoint().port())});
    s.timeout = std::chrono::milliseconds{50};
    return s;
  }
};

}  // namespace

TEST_CASE("an embedded zone answers without any server") {
  const scratch_folder folder;
  dns_runner r{embedded(folder, "zone.test", zone)};

  auto mx = r.run(r.dns.mx("zone.test"));
  REQUIRE(mx.has_value());
  std::sort(mx->begin(), mx->end(), [](auto& a, auto& b) { return a.preference < b.preference; });
  CHECK((*mx == std::vector<mx_record>{{10, "mx1.zone.test"}, {20, "mx2.zone.test"}}));

  CHECK(r.run(r.dns.a("mx1.zone.test")).value().size() == 2);
  CHECK(r.run(r.dns.a("MX1.Zone.Test.")).value().size() == 2);
  CHECK(r.run(r.dns.aaaa("mx1.zone.test")).value().at(0).to_string() == "2001:db8::1");
  CHECK(r.run(r.dns.a("alias.zone.test")).value().size() == 2);
  CHECK(r.run(r.dns.txt("k._domainkey.zone.test")).value().at(0) == "v=DKIM1; p=abcdef");
}

TEST_CASE("no such name and no such record are told apart") {
  const scratch_folder folder;
  dns_runner r{embedded(folder, "zone.test", zone)};

  const auto none = r.run(r.dns.mx("missing.zone.test"));
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().kind == failure_kind::not_found);
  CHECK(none.error().permanent);

  const auto empty = r.run(r.dns.mx("mx1.zone.test"));
  REQUIRE(empty.has_value());
  CHECK(empty->empty());

  CHECK(r.run(r.dns.lookup("mx1.zone.test", record_type::mx)).value().found == existence::no_data);
  CHECK(r.run(r.dns.lookup("missing.zone.test", record_type::mx)).value().found ==
        existence::no_name);
}

TEST_CASE("records that do not parse are left out, the others serve") {
  const scratch_folder folder;
  dns_runner r{embedded(folder, "zone.test", zone)};
  const auto mx = r.run(r.dns.mx("odd.zone.test"));
  REQUIRE(mx.has_value());
  CHECK((*mx == std::vector<mx_record>{{6, "good.zone.test"}}));
}

TEST_CASE("what is no domain name is not asked for") {
  const scratch_folder folder;
  dns_runner r{embedded(folder, "zone.test", zone)};
  for (std::string name :
       {std::string{}, std::string{"."}, std::string{"a..b"}, std::string{"a b.test"},
        std::string{"a\\046b.test"}, std::string(64, 'a') + ".test", std::string(254, 'a')}) {
    const auto f = r.run(r.dns.a(name));
    REQUIRE_FALSE(f.has_value());
    CHECK(f.error().kind == failure_kind::invalid);
  }
}

TEST_CASE("a server that does not answer is a temporary failure after the deadline") {
  const silent_server server;
  dns_runner r{server.settings()};
  const auto f = r.run(r.dns.mx("zone.test"));
  REQUIRE_FALSE(f.has_value());
  CHECK(f.error().kind == failure_kind::dns);
  CHECK_FALSE(f.error().permanent);
}

TEST_CASE("lookups over the bound fail at once, those within it go on") {
  const silent_server server;
  auto s = server.settings();
  s.pending_max = 2;
  dns_runner r{s};
  std::vector<std::future<result<std::vector<mx_record>>>> asked;
  for (int i = 0; i < 4; ++i)
    asked.push_back(boost::asio::co_spawn(r.io(), r.dns.mx("n" + std::to_string(i) + ".zone.test"),
                                          boost::asio::use_future));
  int limited = 0, late = 0;
  for (auto& f : asked) {
    const auto a = f.get();
    REQUIRE_FALSE(a.has_value());
    (a.error().kind == failure_kind::limit ? limited : late) += 1;
  }
  CHECK(limited == 2);
  CHECK(late == 2);
}

TEST_CASE("cancelling ends a lookup at once") {
  const silent_server server;
  auto s = server.settings();
  s.timeout = std::chrono::hours{1};
  dns_runner r{s};
  boost::asio::cancellation_signal stop;
  auto asked = boost::asio::co_spawn(
      r.io(), r.dns.a("zone.test"),
      boost::asio::bind_cancellation_slot(stop.slot(), boost::asio::use_future));
  boost::asio::post(r.io(), [&] { stop.emit(boost::asio::cancellation_type::terminal); });
  const auto a = asked.get();
  REQUIRE_FALSE(a.has_value());
  CHECK(a.error().kind == failure_kind::cancelled);
}

TEST_CASE("worker threads may wait for TXT records, several at a time") {
  const scratch_folder folder;
  dns_runner r{embedded(folder, "zone.test", zone)};
  std::vector<std::future<result<std::vector<std::string>>>> asked;
  for (int i = 0; i < 8; ++i)
    asked.push_back(std::async(std::launch::async, [&] {
      return r.dns.txt_blocking("k._domainkey.zone.test", std::chrono::seconds{20});
    }));
  for (auto& f : asked) CHECK(f.get().value().at(0) == "v=DKIM1; p=abcdef");
  CHECK(r.dns.txt_blocking("none.zone.test", std::chrono::seconds{20}).error().kind ==
        failure_kind::not_found);

  const silent_server server;
  dns_runner deaf{server.settings()};
  CHECK(deaf.dns.txt_blocking("k.zone.test", std::chrono::milliseconds{20}).error().kind ==
        failure_kind::dns);
}

TEST_CASE("several threads may ask one resolver") {
  const scratch_folder folder;
  dns_runner r{embedded(folder, "zone.test", zone)};
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      boost::asio::io_context io;
      for (int i = 0; i < 50; ++i)
        boost::asio::co_spawn(io, r.dns.a("mx1.zone.test"), [&](std::exception_ptr e, auto answer) {
          if (!e && answer && answer->size() == 2) ++right;
        });
      io.run();
    });
  for (auto& t : threads) t.join();
  CHECK(right == 200);
}

TEST_CASE("settings that cannot work are refused when the resolver is made") {
  const scratch_folder folder;
  boost::asio::io_context io;
  const auto make = [&](const resolver_settings& s) { resolver{io.get_executor(), s}; };
  resolver_settings s;
  s.zones.push_back({"zone.test", folder.path() / "missing"});
  CHECK_THROWS_AS(make(s), configuration_error);
  s = {};
  s.stubs.push_back({"zone.test\"\nserver:", "127.0.0.1"});
  CHECK_THROWS_AS(make(s), configuration_error);
  s = {};
  s.resolv_conf = folder.write("resolv.conf", "search example.hu\n");
  CHECK_THROWS_AS(make(s), configuration_error);
  s = {};
  s.forwarders = {"not an address"};
  CHECK_THROWS_AS(make(s), configuration_error);
}

}  // namespace consentry::smtp::dns
