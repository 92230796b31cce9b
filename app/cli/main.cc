// consentry: the operator's command line. Speaks HTTP to the daemon, or works on files without it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "app/cli/commands.h"
#include "app/cli/daemon_client.h"
#include "base/text.h"

using namespace consentry::app::cli;

namespace {

std::string from_environment(const char* name, const char* otherwise) {
  const char* given = std::getenv(name);
  return given != nullptr ? given : otherwise;
}

std::string ask_reason() {
  std::fputs("Why do you look at this person's data? It stands in the tenant's audit: ", stderr);
  std::string line;
  std::getline(std::cin, line);
  return std::string{consentry::trim(line)};
}

int complain(const std::string& what, int code) {
  std::fprintf(stderr, "consentry: %s\n", consentry::printable(what, 1000).c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App cli{"Consentry: ask and steer the gateway, or work on files without it"};
  context c;
  c.socket = {.path = from_environment("CONSENTRY_SOCKET", "/var/lib/consentry/run/admin.sock"),
              .reason = from_environment("CONSENTRY_REASON", "")};
  if (::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0) c.socket.ask_reason = ask_reason;
  cli.add_option("--reason", c.socket.reason,
                 "why a person's data is looked at: stands in the tenant's audit (or "
                 "CONSENTRY_REASON)");
  cli.add_option("--socket", c.socket.path, "the daemon's admin socket (or CONSENTRY_SOCKET)")
      ->capture_default_str();
  cli.add_flag("--json", c.json, "print JSON");
  cli.set_version_flag("--version", "consentry " CONSENTRY_VERSION);
  cli.require_subcommand(1);
  cli.fallthrough();
  add_daemon_commands(cli, c);
  add_offline_commands(cli, c);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return cli.exit(e);
  } catch (const CLI::ParseError& e) {
    return complain(e.what(), exit_usage);
  }
  try {
    return c.chosen ? c.chosen() : complain("name a command; --help lists them", exit_usage);
  } catch (const CLI::Error& e) {  // an argument that only its command could judge
    return complain(e.what(), exit_usage);
  } catch (const std::exception& e) {
    return complain(e.what(), exit_could_not);
  }
}
