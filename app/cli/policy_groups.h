// The subcommands of `consentry policy`, a file each.
#pragma once

#include <vector>

#include "app/policy_samples.h"

namespace CLI {
class App;
}

namespace consentry::app::cli {

struct context;

// samples list, samples remove
void add_desk_sample_commands(CLI::App& policy, context& c);
// Those with their mails. Throws configuration_error: no daemon, or it says no.
std::vector<labelled_message> samples_of_desk(const context& c);

// activate, rollback, history, versions, show, diff
void add_policy_version_commands(CLI::App& policy, context& c);
void add_policy_trial_commands(CLI::App& policy, context& c);  // what-if, shadow

}  // namespace consentry::app::cli
