// The commands of `consentry`. Each group adds its subcommands to the parser; the chosen one leaves
// what to run in `chosen`.
#pragma once

#include <functional>
#include <string>

namespace CLI {
class App;
}

namespace consentry::app::cli {

struct context {
  std::string socket;
  bool json = false;
  std::function<int()> chosen;  // returns the exit code
};

// tenant, domain, credential, consent import|show|withdraw, queue, standing, block, unblock, why,
// journal, stats
void add_daemon_commands(CLI::App& app, context& c);
// Its groups, a file each.
void add_tenant_commands(CLI::App& app, context& c);
void add_domain_commands(CLI::App& app, context& c);
void add_credential_commands(CLI::App& app, context& c);
void add_transfer_commands(CLI::App& tenant, context& c);
void add_template_commands(CLI::App& app, context& c);
void add_consent_commands(CLI::App& consent, context& c);
void add_queue_commands(CLI::App& app, context& c);
// scan, address check, arf parse, dkim sign|verify, consent last-day
void add_offline_commands(CLI::App& app, context& c);

}  // namespace consentry::app::cli
