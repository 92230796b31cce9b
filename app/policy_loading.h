// Policy file and pattern files as one snapshot under one version.
#pragma once

#include <filesystem>
#include <memory>

#include "app/live_settings.h"

namespace consentry::app {

// Compiles the patterns: up to a few seconds; never on an I/O thread. Throws configuration_error;
// nothing is half loaded.
std::shared_ptr<const active_policy> load_policy(const std::filesystem::path& policy_file,
                                                 const std::filesystem::path& patterns_folder);

}  // namespace consentry::app
