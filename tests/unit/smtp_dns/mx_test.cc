#include "smtp/dns/mx.h"

#include <catch2/catch.hpp>
#include <set>

#include "tests/unit/smtp_dns/dns_fixture.h"

namespace consentry::smtp::dns {
namespace {

constexpr const char* zone = R"($ORIGIN test.
$TTL 60
@        SOA ns. admin. 1 60 60 60 60
@        NS  ns.test.
two      MX  20 backup.two
two      MX  10 main.two
main.two A   192.0.2.1
equal    MX  10 a.equal
equal    MX  10 b.equal
equal    MX  10 c.equal
twin     MX  10 c.equal
twin     MX  10 B.equal
twin     MX  10 a.equal
null     MX  0 .
nullplus MX  0 .
nullplus MX  10 main.two
implicit A   192.0.2.9
bare     TXT "nothing to deliver to"
loop     MX  10 gateway
ours     MX  5 better
ours     MX  10 gateway
ours     MX  20 worse
gateway  A   192.0.2.77
double   MX  10 main.two
double   MX  20 main.two
bad      MX  10 m\010x
mixed    A   192.0.2.1
mixed    A   192.0.2.2
mixed    AAAA 2001:db8::1
local    A   127.0.0.1
local    A   0.0.0.0
local    A   169.254.1.1
local    AAAA ::1
local    AAAA ::ffff:127.0.0.1
six      AAAA 2001:db8::6
)";

std::vector<std::string> names(const mx_plan& p) {
  std::vector<std::string> out;
  for (const auto& h : p.hosts) out.push_back(h.name);
  return out;
}

struct mx_fixture {
  scratch_folder folder;
  dns_runner r{embedded(folder, "test", zone)};
  mx_settings settings{.own_names = {"gateway.test"}};

  result<mx_plan> hosts(std::string domain) {
    return r.run(find_hosts(r.dns, std::move(domain), settings));
  }
  std::vector<std::string> addresses(std::string host) {
    std::vector<std::string> out;
    for (const auto& a : r.run(find_addresses(r.dns, std::move(host), settings)).value())
      out.push_back(a.to_string());
    return out;
  }
};

using list = std::vector<std::string>;

}  // namespace

TEST_CASE_METHOD(mx_fixture, "hosts of a domain, in the order to be tried") {
  CHECK(names(hosts("two.test").value()) == list{"main.two.test", "backup.two.test"});
  CHECK(names(hosts("nullplus.test").value()) == list{"main.two.test"});
  CHECK(names(hosts("double.test").value()) == list{"main.two.test"});
  CHECK(names(hosts("[192.0.2.5]").value()) == list{"[192.0.2.5]"});

  const auto implicit = hosts("implicit.test").value();
  CHECK(names(implicit) == list{"implicit.test"});
  CHECK(implicit.is_implicit);
}

TEST_CASE_METHOD(mx_fixture, "equal preferences are shuffled, and name one site") {
  std::set<std::string> first;
  for (int i = 0; i < 64 && first.size() < 3; ++i)
    first.insert(hosts("equal.test")->hosts.front().name);
  CHECK(first.size() == 3);
  CHECK(hosts("equal.test")->site == "a.equal.test,b.equal.test,c.equal.test");
  CHECK(hosts("twin.test")->site == hosts("equal.test")->site);
}

TEST_CASE_METHOD(mx_fixture, "a host that is ourselves cuts itself and all that are no better") {
  CHECK(names(hosts("ours.test").value()) == list{"better.test"});
  for (const char* domain : {"loop.test", "gateway.test"}) {
    const auto f = hosts(domain);
    REQUIRE_FALSE(f.has_value());
    CHECK(to_string(to_reply(f.error())).substr(0, 9) == "554 5.4.6");
  }
}

TEST_CASE_METHOD(mx_fixture, "domains that take no mail, with what the sender is told") {
  struct row {
    const char* domain;
    const char* reply;
  };
  for (const row& r : {row{"null.test", "556 5.1.10"},
                       {"missing.test", "550 5.1.2"},
                       {"bare.test", "550 5.1.2"},
                       {"bad.test", "554 5.4.4"},
                       {"[nonsense]", "554 5.4.4"}}) {
    INFO(r.domain);
    const auto f = hosts(r.domain);
    REQUIRE_FALSE(f.has_value());
    CHECK(f.error().permanent);
    CHECK(to_string(to_reply(f.error())).rfind(r.reply, 0) == 0);
  }
}

TEST_CASE_METHOD(mx_fixture, "addresses of a host by preferred family") {
  using p = address_preference;
  struct row {
    address_preference prefer;
    list v4_and_v6;
  };
  for (auto prefer : {p::ipv4_first, p::ipv6_first, p::ipv4_only, p::ipv6_only}) {
    settings.prefer = prefer;
    const auto got = addresses("mixed.test");
    const auto four = std::count_if(got.begin(), got.end(),
                                    [](auto& a) { return a.find(':') == std::string::npos; });
    CHECK(four == (prefer == p::ipv6_only ? 0 : 2));
    CHECK(static_cast<long>(got.size()) - four == (prefer == p::ipv4_only ? 0 : 1));
    CHECK((got.front() == "2001:db8::1") == (prefer == p::ipv6_first || prefer == p::ipv6_only));
  }
  settings.prefer = p::ipv4_first;
  settings.addresses_max = 1;
  CHECK(addresses("mixed.test").size() == 1);
  CHECK(addresses("six.test") == list{"2001:db8::6"});
  CHECK(addresses("[IPv6:2001:db8::5]") == list{"2001:db8::5"});
}

TEST_CASE_METHOD(mx_fixture, "a stranger's zone cannot send mail to this machine") {
  for (const char* host : {"local.test", "[127.0.0.1]", "[IPv6:::1]", "[0.0.0.0]"}) {
    INFO(host);
    const auto f = r.run(find_addresses(r.dns, host, settings));
    REQUIRE_FALSE(f.has_value());
    CHECK(f.error().kind == failure_kind::not_found);
  }
  settings.allow_loopback = true;
  CHECK(addresses("[127.0.0.1]") == list{"127.0.0.1"});
  CHECK(addresses("local.test").front() == "127.0.0.1");
}

TEST_CASE("a domain that cannot be asked about waits") {
  resolver_settings s;
  s.forwarders = {"127.0.0.1@9"};  // discard: refused
  s.timeout = std::chrono::milliseconds{200};
  dns_runner r{s};
  const auto f = r.run(find_hosts(r.dns, "example.hu", {}));
  REQUIRE_FALSE(f.has_value());
  CHECK_FALSE(f.error().permanent);
  CHECK(to_string(to_reply(f.error())).substr(0, 9) == "451 4.4.3");
}

}  // namespace consentry::smtp::dns
