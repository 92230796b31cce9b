// A real authoritative server (knotd) with a zone of ours on a loopback port.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <boost/asio/ip/udp.hpp>
#include <catch2/catch.hpp>

#include "base/text.h"
#include "smtp/dns/mx.h"
#include "tests/unit/smtp_dns/dns_fixture.h"

extern char** environ;

namespace consentry::smtp::dns {
namespace {

constexpr const char* knotd = "/usr/sbin/knotd";

constexpr const char* zone = R"($ORIGIN knot.test.
$TTL 60
@     SOA ns.knot.test. admin.knot.test. 1 60 60 60 60
@     NS  ns
ns    A   127.0.0.1
@     MX  10 mx
mx    A   192.0.2.25
mx    AAAA 2001:db8::25
null  MX  0 .
big   TXT "0123456789012345678901234567890123456789012345678901234567890123456789" "second"
)";

// A port that is free for UDP now.
unsigned short free_port() {
  boost::asio::io_context io;
  return boost::asio::ip::udp::socket{io, {boost::asio::ip::address_v4::loopback(), 0}}
      .local_endpoint()
      .port();
}

class knot_server {
 public:
  knot_server(const scratch_folder& folder, bool is_signed) : port_{free_port()} {
    folder.write("knot.test.zone", zone);
    const auto dir = folder.path().string();
    std::string text =
        "server:\n  listen: 127.0.0.1@" + std::to_string(port_) + "\n  rundir: " + dir;
    text +=
        "\n  udp-workers: 1\n  tcp-workers: 1\n  background-workers: 1\ndatabase:\n  storage: " +
        dir;
    text += "\n  journal-db-max-size: 16M\n  kasp-db-max-size: 16M\n  timer-db-max-size: 16M\n";
    text += "zone:\n  - domain: knot.test\n    storage: " + dir + "\n    file: knot.test.zone\n";
    if (is_signed) text += "    dnssec-signing: on\n";
    const auto config = folder.write("knot.conf", text);
    const std::string file = config.string();
    const char* argv[] = {knotd, "-c", file.c_str(), nullptr};
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    if (posix_spawn(&pid_, knotd, &quiet, nullptr, const_cast<char**>(argv), environ) != 0)
      pid_ = -1;
    posix_spawn_file_actions_destroy(&quiet);
  }
  ~knot_server() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  std::string address() const { return "127.0.0.1@" + std::to_string(port_); }

 private:
  unsigned short port_;
  pid_t pid_ = -1;
};

resolver_settings asking(const knot_server& server) {
  resolver_settings s;
  s.stubs.push_back({"knot.test", server.address()});
  s.timeout = std::chrono::seconds{20};
  return s;
}

// The server takes a moment to come up: asks with a fresh resolver (nothing cached) until it
// answers.
bool comes_up(const knot_server& server) {
  for (int i = 0; i < 100; ++i) {
    dns_runner r{asking(server)};
    if (r.run(r.dns.a("ns.knot.test"))) return true;
    usleep(50'000);
  }
  return false;
}

}  // namespace

TEST_CASE("a real name server is asked over the network") {
  if (!std::filesystem::exists(knotd)) {
    WARN("skipped: no " << knotd);
    return;
  }
  const scratch_folder folder;
  const knot_server server{folder, false};
  REQUIRE(comes_up(server));
  dns_runner r{asking(server)};
  const auto plan = r.run(find_hosts(r.dns, "knot.test", {}));
  REQUIRE(plan.has_value());
  CHECK(plan->hosts.at(0).name == "mx.knot.test");
  CHECK_FALSE(plan->is_secure);
  CHECK(r.run(find_addresses(r.dns, "mx.knot.test", {})).value().size() == 2);
  CHECK(r.run(find_hosts(r.dns, "null.knot.test", {})).error().kind == failure_kind::refused);
  CHECK(r.run(find_hosts(r.dns, "missing.knot.test", {})).error().kind == failure_kind::not_found);
  CHECK(r.dns.txt_blocking("big.knot.test", std::chrono::seconds{20}).value().at(0).size() == 76);
}

namespace {

// The DS record of the zone's key, as a parent would publish it.
std::string trust_anchor(const scratch_folder& folder) {
  const auto command =
      "/usr/sbin/keymgr -c " + (folder.path() / "knot.conf").string() + " knot.test ds 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> out{popen(command.c_str(), "r"), pclose};
  char line[512] = {};
  if (!out || !fgets(line, sizeof line, out.get())) return {};
  return std::string{trim(line)};
}

}  // namespace

TEST_CASE("signed answers are validated: secure, or not taken at all") {
  if (!std::filesystem::exists(knotd)) {
    WARN("skipped: no " << knotd);
    return;
  }
  const scratch_folder folder;
  const knot_server server{folder, true};
  REQUIRE(comes_up(server));
  const auto ds = trust_anchor(folder);
  REQUIRE(ds.find(" DS ") != std::string::npos);

  auto settings = asking(server);
  settings.trust_anchors = {ds};
  dns_runner right{settings};
  CHECK(right.run(right.dns.lookup("mx.knot.test", record_type::a)).value().is_secure);
  CHECK(right.run(find_hosts(right.dns, "knot.test", {})).value().is_secure);
  const auto denied =
      right.run(right.dns.lookup("_25._tcp.mx.knot.test", record_type::tlsa)).value();
  CHECK(denied.found == existence::no_name);
  CHECK(denied.is_secure);

  auto forged = ds;
  forged.back() = forged.back() == '0' ? '1' : '0';
  settings.trust_anchors = {forged};
  dns_runner wrong{settings};
  const auto bogus = wrong.run(wrong.dns.lookup("mx.knot.test", record_type::a));
  REQUIRE_FALSE(bogus.has_value());
  CHECK(bogus.error().kind == failure_kind::dns);
  CHECK_FALSE(bogus.error().permanent);
}

}  // namespace consentry::smtp::dns
