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

// CLI11 misses a command before it looks at what stands in its place.
std::string what_was_wrong(const CLI::ParseError& e, const CLI::App& cli) {
  const auto rest = cli.remaining(true);
  if (dynamic_cast<const CLI::RequiredError*>(&e) == nullptr ||
      std::string_view{e.what()}.find("subcommand") == std::string_view::npos)
    return e.what();
  return rest.empty() ? "name a command; --help lists them"
                      : "no command is called \"" + rest.front() + "\"; --help lists them";
}

// An answer that did not reach its reader is none.
int written(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  return complain("the answer could not be written", exit_could_not);
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
  add_bounce_commands(cli, c);
  add_policy_commands(cli, c);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return cli.exit(e);
  } catch (const CLI::ParseError& e) {
    return complain(what_was_wrong(e, cli), exit_usage);
  }
  try {
    return written(c.chosen ? c.chosen()
                            : complain("name a command; --help lists them", exit_usage));
  } catch (const CLI::Error& e) {  // an argument that only its command could judge
    return complain(e.what(), exit_usage);
  } catch (const std::exception& e) {
    return complain(e.what(), exit_could_not);
  }
}
