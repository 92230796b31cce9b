// The subcommands of `consentry policy`, a file each.
#pragma once

namespace CLI {
class App;
}

namespace consentry::app::cli {

struct context;

// activate, rollback, history, versions, show, diff
void add_policy_version_commands(CLI::App& policy, context& c);

}  // namespace consentry::app::cli
