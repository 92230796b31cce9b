// Where policy, patterns and samples lie for commands that need no daemon.
#pragma once

#include <filesystem>
#include <string>

namespace consentry::app::cli {

// As asked, as CONSENTRY_CONF says, as installed, or as in the source tree. Throws
// configuration_error.
std::filesystem::path conf_folder(const std::string& asked);

}  // namespace consentry::app::cli
