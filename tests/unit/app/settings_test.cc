#include "app/settings.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "base/result.h"
#include "tests/support/temp_folder.h"

using namespace consentry;
using namespace consentry::app;

namespace {

const std::string minimal = R"([server]
host_name = "mail.example.hu"
[store]
folder = "/var/lib/consentry"
[tls]
self_signed = true
[[listener]]
address = "0.0.0.0:587"
[mail]
bounce_domain = "bounce.example.hu"
feedback_address = "fbl@mail.example.hu"
unsubscribe_url = "https://mail.example.hu/u/"
postmaster = "postmaster@mail.example.hu"
)";

struct settings_folder {
  consentry::tests::temp_folder folder;
  settings_folder() { write("reporters.toml", ""); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream{folder.path() / name} << text;
  }
  settings read(const std::string& text) const {
    write("consentry.toml", text);
    return read_settings(folder.path() / "consentry.toml");
  }
  // What is said against it; empty: it is taken.
  std::string refusal(const std::string& text) const {
    try {
      read(text);
      return {};
    } catch (const configuration_error& e) {
      const std::string what = e.what();
      const auto prefix = folder.path().string() + "/";
      return what.starts_with(prefix) ? what.substr(prefix.size()) : what;
    }
  }
};

std::string with(const std::string& from, const std::string& to) {
  auto text = minimal;
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("the file that is shipped shows the defaults") {
  std::ifstream in{std::filesystem::path{CONSENTRY_SOURCE_DIR} / "conf" / "consentry.toml"};
  std::string shipped{std::istreambuf_iterator<char>{in}, {}};
  // It names no certificate; without one its listeners cannot start.
  const std::string off = "self_signed = false";
  REQUIRE(shipped.find(off) != std::string::npos);
  shipped.replace(shipped.find(off), off.size(), "self_signed = true");

  const settings_folder f;
  const auto s = f.read(shipped);
  const auto d = f.read(minimal);
  CHECK(s.server.host_name == d.server.host_name);
  CHECK(s.server.user == d.server.user);
  CHECK(s.server.io_threads == d.server.io_threads);
  CHECK(s.server.worker_threads == d.server.worker_threads);
  CHECK(s.server.drain_timeout == d.server.drain_timeout);
  CHECK(s.store.folder == d.store.folder);
  CHECK(s.store.map_size == d.store.map_size);
  CHECK(s.store.reserve_bytes == d.store.reserve_bytes);
  REQUIRE(s.listeners.size() == 3);
  CHECK(s.listeners[0].port == d.listeners.at(0).port);
  CHECK(s.listeners[0].role == d.listeners[0].role);
  CHECK(s.listeners[0].tls == d.listeners[0].tls);
  CHECK(s.listeners[1].tls == listener_tls::implicit);
  CHECK(s.listeners[2].role == smtp::server::listener_role::inbound);
  CHECK(s.smtp.message_size_max == d.smtp.message_size_max);
  CHECK(s.smtp.recipients_max == d.smtp.recipients_max);
  CHECK(s.smtp.connections_max == d.smtp.connections_max);
  CHECK(s.smtp.connections_per_ip_max == d.smtp.connections_per_ip_max);
  CHECK(s.smtp.idle_timeout == d.smtp.idle_timeout);
  CHECK(s.smtp.data_timeout == d.smtp.data_timeout);
  CHECK(s.smtp.bodies_in_memory_max == d.smtp.bodies_in_memory_max);
  CHECK(s.smtp.auth_without_tls == d.smtp.auth_without_tls);
  CHECK(s.smtp.password_length_min == d.smtp.password_length_min);
  CHECK(s.delivery.connections_max == d.delivery.connections_max);
  CHECK(s.delivery.connections_per_destination_max == d.delivery.connections_per_destination_max);
  CHECK(s.delivery.messages_per_connection_max == d.delivery.messages_per_connection_max);
  CHECK(s.delivery.connect_timeout == d.delivery.connect_timeout);
  CHECK(s.delivery.command_timeout == d.delivery.command_timeout);
  CHECK(s.delivery.tls == d.delivery.tls);
  CHECK(s.delivery.retry_first == d.delivery.retry_first);
  CHECK(s.delivery.retry_max == d.delivery.retry_max);
  CHECK(s.delivery.expire_bulk == d.delivery.expire_bulk);
  CHECK(s.delivery.expire_other == d.delivery.expire_other);
  CHECK(s.delivery.port == d.delivery.port);
  CHECK(s.delivery.tls_required == d.delivery.tls_required);
  CHECK(s.delivery.dane == d.delivery.dane);
  CHECK(s.delivery.mta_sts == d.delivery.mta_sts);
  CHECK(s.delivery.mta_sts_port == d.delivery.mta_sts_port);
  CHECK(s.delivery.tls_reports == d.delivery.tls_reports);
  CHECK(s.dns.timeout == d.dns.timeout);
  CHECK(s.dns.allow_loopback == d.dns.allow_loopback);
  CHECK(s.dkim.folder.path() == d.dkim.folder.path());
  CHECK(s.policy_file == d.policy_file);
  CHECK(s.patterns_folder == d.patterns_folder);
  CHECK(s.complaints.max_age_days == d.complaints.max_age_days);
  CHECK(s.admin.socket == d.admin.socket);
  CHECK(s.admin.tcp_host.empty());
  CHECK(s.public_http.host.empty());
  CHECK(s.log.least == d.log.least);
  CHECK(s.log.lines == d.log.lines);
}

TEST_CASE("every commented-out key of the shipped file is a key") {
  std::ifstream in{std::filesystem::path{CONSENTRY_SOURCE_DIR} / "conf" / "consentry.toml"};
  std::string text;
  for (std::string line; std::getline(in, line);) {
    const bool is_key = line.starts_with("# ") && line.find(" = ") != std::string::npos &&
                        line.find(' ', 2) == line.find(" = ");
    text += (is_key || line.starts_with("# [") ? line.substr(2) : line) + "\n";
  }
  const settings_folder f;
  f.write("dkim", "a long enough passphrase\n");
  std::filesystem::permissions(f.folder.path() / "dkim", std::filesystem::perms{0400});
  ::setenv("CREDENTIALS_DIRECTORY", f.folder.path().c_str(), 1);
  const auto s = f.read(text);
  ::unsetenv("CREDENTIALS_DIRECTORY");
  CHECK(s.dkim.folder.passphrase() != nullptr);
  CHECK(s.server.user == "consentry");
  CHECK(s.tls.identity.has_value());
  REQUIRE(s.routes.size() == 1);
  CHECK(s.routes[0].port == 2525);
  REQUIRE(s.dns.zones.size() == 1);
  CHECK(s.dns.zones[0].second == f.folder.path() / "zones/example.test.zone");
  REQUIRE(s.retry.size() == 1);
  CHECK(s.retry.at(smtp::stream::transactional).expire == std::chrono::hours{48});
  CHECK(s.bounces_file == f.folder.path() / "bounces.toml");
  CHECK(s.admin.tcp_port == 8025);
  CHECK(s.admin.desk == std::vector<std::string>{"@abuse-desk"});
  CHECK(s.admin.auditor == std::vector<std::string>{"anna"});
  CHECK(s.public_http.port == 8080);
}

TEST_CASE("unknown keys and bad values are refused with file and line") {
  const settings_folder f;
  REQUIRE(f.refusal(minimal).empty());
  struct row {
    std::string text;
    const char* said;
  };
  const std::string host = "host_name = \"mail.example.hu\"";
  for (const row& r : {
           row{with(host, host + "\nhots = 1"), "consentry.toml:3: "},
           row{minimal + "[extra]\n", "consentry.toml:14: "},
           row{with(host, "host_name = \"no host!\""), "consentry.toml:2: "},
           row{with(host, "host_name = 5"), "consentry.toml:2: "},
           row{with(host, ""), "consentry.toml:1: "},
           row{with(host, host + "\nio_threads = 0"), "consentry.toml:3: "},
           row{with(host, host + "\nio_threads = 65"), "consentry.toml:3: "},
           row{"[servr]\n" + minimal, "consentry.toml:1: there is no section [servr]"},
           row{with("\"0.0.0.0:587\"", "\"0.0.0.0\""), "consentry.toml:8: "},
           row{with("\"0.0.0.0:587\"", "\"0.0.0.0:70000\""), "consentry.toml:8: "},
           row{with("\"0.0.0.0:587\"", "\"localhost:587\""), "consentry.toml:8: "},
           row{with("\"0.0.0.0:587\"", "\"0.0.0.0:587\"\ntls = \"maybe\""), "consentry.toml:9: "},
           row{with("\"0.0.0.0:587\"", "\"0.0.0.0:587\"\nrole = \"relay\""), "consentry.toml:9: "},
           row{with("self_signed = true", "self_signed = true\ncertificate = \"a.pem\""),
               "consentry.toml:"},
           row{with("self_signed = true",
                    "certificate = \"a.pem\"\nkey = \"a.key\"\nself_signed = true"),
               "consentry.toml:"},
           row{with("self_signed = true", ""), "consentry.toml:"},
           row{with("fbl@mail.example.hu", "fbl"), "consentry.toml:11: "},
           row{with("https://mail", "http://mail"), "consentry.toml:12: "},
           row{with("hu/u/\"", "hu/u\""), "consentry.toml:12: "},
           row{minimal + "[delivery]\nretry_first_s = 100\nretry_max_s = 99\n",
               "consentry.toml:16: "},
           row{minimal + "[delivery]\nsource_address = \"here\"\n", "consentry.toml:15: "},
           row{minimal + "[delivery]\ntls = \"sometimes\"\n", "consentry.toml:15: "},
           row{minimal + "[smtp]\nrecipients_max = 99\n", "consentry.toml:15: "},
           row{minimal + "[[route]]\ndomain = \"a b\"\nhost = \"x\"\n", "consentry.toml:15: "},
           row{minimal + "[[route]]\ndomain = \"*\"\n", "consentry.toml:14: "},
           row{minimal + "[[route]]\ndomain = \"*\"\nhost = \"a b\"\n", "consentry.toml:16: "},
           row{minimal + "[dns]\nforward = [\"ns.example\"]\n", "consentry.toml:15: "},
           row{minimal + "[dns]\nforward = [\"127.0.0.1@65536\"]\n", "consentry.toml:15: "},
           row{minimal + "[admin]\ntcp = \"192.0.2.1:1\"\n", "consentry.toml:15: "},
           row{minimal + "[admin]\nroles = { boss = [\"anna\"] }\n", "consentry.toml:15: "},
           row{minimal + "[admin]\nsocket = \"/" + std::string(108, 'a') + "\"\n",
               "consentry.toml:15: "},
           row{minimal + "[log]\nlevel = \"loud\"\n", "consentry.toml:15: "},
           row{minimal + "[policy]\npattern = \"x\"\n", "consentry.toml:15: "},
           row{"[server\n", "consentry.toml:1: "},
           row{"", "consentry.toml:"},
       }) {
    INFO(r.text);
    CHECK_THAT(f.refusal(r.text), Catch::StartsWith(r.said));
  }
  CHECK_THAT(f.refusal(with(host, host + "\nhots = 1")), Catch::Contains("hots"));
  CHECK_THROWS_AS(read_settings(f.folder.path() / "absent.toml"), configuration_error);
}

TEST_CASE("reporters are read with the settings, and as strictly") {
  const settings_folder f;
  f.write("reporters.toml",
          "[[reporter]]\nname = \"A\"\ndkim_domains = [\"ARF.mail.example\", \"b.example\"]\n");
  const auto s = f.read(minimal);
  REQUIRE(s.complaints.reporters.size() == 1);
  CHECK(s.complaints.reporters[0].name == "A");
  CHECK(s.complaints.reporters[0].dkim_domains ==
        std::vector<std::string>{"arf.mail.example", "b.example"});
  for (const char* bad :
       {"[[reporter]]\nname = \"A\"\n", "[[reporter]]\ndkim_domains = [\"a.example\"]\n",
        "[[reporter]]\nname = \"A\"\ndkim_domains = [\"not a domain\"]\n", "reporter = 1\n",
        "x = 1\n"}) {
    INFO(bad);
    f.write("reporters.toml", bad);
    CHECK_THAT(f.refusal(minimal), Catch::StartsWith("reporters.toml:"));
  }
}

TEST_CASE("addresses may be IPv6, and paths are taken from the file's folder") {
  const settings_folder f;
  const auto s = f.read(with("0.0.0.0:587", "[::1]:2525") + "[dkim]\nfolder = \"keys/dkim\"\n");
  CHECK(s.listeners.at(0).host == "::1");
  CHECK(s.listeners.at(0).port == 2525);
  CHECK(s.dkim.folder.path() == f.folder.path() / "keys/dkim");
  CHECK(s.policy_file == f.folder.path() / "policy/default.toml");
}

TEST_CASE("at most 64 addresses are looked at for SPF") {
  const settings_folder f;
  const auto of = [&f](int count) {
    std::string list;
    for (int n = 1; n <= count; ++n) list += fmt::format("\"192.0.2.{}\", ", n);
    return f.refusal(minimal + "[preflight]\naddresses = [" + list + "]\n");
  };
  CHECK(of(64).empty());
  CHECK_THAT(of(65), Catch::EndsWith("65 addresses: at most 64 can be looked at"));
}

TEST_CASE("the passphrase of DKIM keys comes from a private file or a systemd credential") {
  const settings_folder f;
  const auto set = [](const std::string& file) {
    return minimal + "[dkim]\npassphrase_file = \"" + file + "\"\nretire_days = 7\n";
  };
  const auto mode = [&f](const char* name, unsigned m) {
    std::filesystem::permissions(f.folder.path() / name, std::filesystem::perms{m});
  };
  CHECK(f.read(minimal).dkim.folder.passphrase() == nullptr);
  CHECK_THAT(f.refusal(set("none")), Catch::Contains("No such file"));
  f.write("words", "a long enough passphrase\n");
  mode("words", 0644);
  CHECK_THAT(f.refusal(set("words")), Catch::Contains("others can read this key"));
  mode("words", 0400);
  const auto s = f.read(set("words"));
  REQUIRE(s.dkim.folder.passphrase() != nullptr);
  CHECK(s.dkim.folder.passphrase()->reveal() == "a long enough passphrase");
  CHECK(s.dkim.retire_after == std::chrono::days{7});
  f.write("short", "fifteen letters\n");
  mode("short", 0600);
  CHECK_THAT(f.refusal(set("short")), Catch::Contains("16 characters or more"));
  ::unsetenv("CREDENTIALS_DIRECTORY");
  CHECK_THAT(f.refusal(set("$CREDENTIALS_DIRECTORY/words")), Catch::Contains("is not set"));
  ::setenv("CREDENTIALS_DIRECTORY", f.folder.path().c_str(), 1);
  CHECK(f.refusal(set("$CREDENTIALS_DIRECTORY/words")).empty());
  ::unsetenv("CREDENTIALS_DIRECTORY");
}
