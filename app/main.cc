// consentryd: reads its settings, binds, gives up its privileges, and runs the gateway.
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "app/component_options.h"
#include "app/gateway.h"
#include "app/policy_loading.h"
#include "app/settings.h"
#include "base/log.h"
#include "base/result.h"
#include "smtp/auth/key_ring.h"
#include "smtp/dns/resolver.h"

namespace {

using consentry::configuration_error;

constexpr int exit_usage = 2;
constexpr int exit_could_not = 3;

// A clock that is off by a fixed time: rehearsals of what a year brings (tests, demo).
class shifted_clock final : public consentry::wall_clock {
 public:
  explicit shifted_clock(std::chrono::days by) noexcept : by_{by} {}
  consentry::instant now() const noexcept override { return system_.now() + by_; }

 private:
  consentry::system_wall_clock system_;
  std::chrono::days by_;
};

const passwd& user_entry(const std::string& user) {
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr)
    throw configuration_error(fmt::format("[server] user: there is no user {}", user));
  return *entry;
}

// The store must belong to the user we become, before we become him.
void give_up_privileges(const std::string& user, const std::filesystem::path& store) {
  if (user.empty()) return;
  const passwd* entry = &user_entry(user);
  if (::geteuid() == entry->pw_uid) return;
  if (::geteuid() != 0)
    throw configuration_error(fmt::format("[server] user: only root can become {}", user));
  std::error_code error;
  if (std::filesystem::create_directories(store, error)) {
    ::chmod(store.c_str(), 0700);
    if (::chown(store.c_str(), entry->pw_uid, entry->pw_gid) != 0)
      throw configuration_error(store.string() + ": " + std::strerror(errno));
  }
  if (::initgroups(user.c_str(), entry->pw_gid) != 0 || ::setgid(entry->pw_gid) != 0 ||
      ::setuid(entry->pw_uid) != 0)
    throw configuration_error(
        fmt::format("[server] user: cannot become {}: {}", user, std::strerror(errno)));
  if (::setuid(0) == 0) throw configuration_error("[server] user: privileges came back");
}

void must_exist(const std::string& key, const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error))
    throw configuration_error(fmt::format("{}: there is no file {}", key, file.string()));
}

// All that can be wrong without starting: settings, policy, patterns, keys, certificate.
void check(const consentry::app::settings& s) {
  const auto policy = consentry::app::load_policy(s.policy_file, s.patterns_folder);
  if (std::filesystem::is_directory(s.dkim.folder.path()))
    consentry::smtp::auth::key_ring::load(s.dkim.folder);
  consentry::app::pacing_of(s);
  const auto bounces = consentry::app::bounces_of(s);
  if (const auto wrong = bounces->wrong_samples(); !wrong.empty())
    throw configuration_error(wrong.front());
  if (s.tls.identity) consentry::make_server_tls(*s.tls.identity);
  if (!s.delivery.tls_authorities.empty()) {
    must_exist("[delivery] tls_authorities", s.delivery.tls_authorities);
    consentry::make_verifying_client_tls(s.delivery.tls_authorities);
  }
  if (!s.server.user.empty()) user_entry(s.server.user);
  if (!s.dns.trust_anchor_file.empty())
    must_exist("[dns] trust_anchor_file", s.dns.trust_anchor_file);
  for (const auto& [name, file] : s.dns.zones) must_exist("[[dns_zone]] file", file);
  const consentry::filters::confined_reader reads_attachments{s.attachment_reader};
  boost::asio::io_context io;
  const consentry::smtp::dns::resolver reads_zones_and_anchors{io.get_executor(),
                                                               consentry::app::resolver_of(s)};
  fmt::print("settings are good; policy {} with {} patterns\n", policy->set->version,
             policy->patterns->patterns().size());
}

int run(const std::string& file, bool only_check, int clock_days, const std::string& journal) {
  auto s = consentry::app::read_settings(file);
  if (only_check) {
    check(s);
    return 0;
  }
  consentry::log::configure(s.log);
  ::signal(SIGPIPE, SIG_IGN);
  auto sockets = consentry::app::bind_listeners(s);
  give_up_privileges(s.server.user, s.store.folder);
  // Private keys and people's addresses: no core file, and no other process of this user looks in.
  ::prctl(PR_SET_DUMPABLE, s.server.core_dumps ? 1 : 0);
  const shifted_clock clock{std::chrono::days{clock_days}};
  if (clock_days != 0) consentry::log::warn("app/main", "clock_is_shifted", {{"days", clock_days}});
  consentry::app::gateway g{std::move(s), file, std::move(sockets), clock};
  if (!journal.empty()) g.replay(journal);
  return g.run();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"Consentry: bulk e-mail compliance gateway"};
  std::string file = "/etc/consentry/consentry.toml";
  bool only_check = false;
  int clock_days = 0;
  cli.add_option("--config", file, "settings file")->capture_default_str();
  cli.add_flag("--check", only_check, "validate settings, policy, patterns and keys, and exit");
  cli.add_option("--clock-days", clock_days,
                 "rehearsal only: run with the clock off by so many days")
      ->check(CLI::Range(-3650, 3650));
  std::string journal;
  cli.add_option(
      "--reapply", journal,
      "after a restore: first do again what this exported journal tells of the time since");
  cli.set_version_flag("--version", "consentryd " CONSENTRY_VERSION);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = cli.exit(e);
    return code == 0 ? 0 : exit_usage;
  }
  try {
    return run(file, only_check, clock_days, journal);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "consentryd: %s\n", e.what());
    return exit_could_not;
  }
}
