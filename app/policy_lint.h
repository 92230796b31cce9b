// Everything that is wrong with a policy file and a folder of patterns (RULES E7).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace consentry::app {

// "file:line: text", the first error of each file, then what only shows in all of them together,
// then each sample that fails. Empty: they may be activated. Compiles; nothing is kept.
std::vector<std::string> lint_policy(const std::filesystem::path& policy_file,
                                     const std::filesystem::path& patterns_folder);

}  // namespace consentry::app
