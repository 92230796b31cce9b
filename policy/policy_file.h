// A policy from its TOML file.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "policy/policy_set.h"

namespace consentry::policy {

// Absent keys keep their default. Throws configuration_error "file:line: text" for an unknown key,
// a bad value, or an attempt to loosen what RULES calls FIXED (E11).
rule_knobs read_policy_file(const std::filesystem::path& file);
rule_knobs parse_policy(std::string_view toml, const std::string& name);

}  // namespace consentry::policy
