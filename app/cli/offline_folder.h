// Where policy, patterns and samples lie for commands that need no daemon.
#pragma once

#include <filesystem>
#include <string>

#include "app/policy_bundle.h"

namespace consentry::app::cli {

// As asked, as CONSENTRY_CONF says, as installed, or as in the source tree. Throws
// configuration_error.
std::filesystem::path conf_folder(const std::string& asked);

// The policy and pattern files there. Throws configuration_error.
policy_bundle working_files(const std::filesystem::path& conf);

}  // namespace consentry::app::cli
