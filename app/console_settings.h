// The section [console] of the settings.
#pragma once

#include "base/strict_toml.h"
#include "policy/tenants/console_access.h"

namespace consentry::app {

struct console_settings {
  policy::tenants::session_rules sessions;
  std::chrono::hours first_answer{24};  // a case that waits longer is late (RULES E1)
};

// Throws configuration_error.
console_settings read_console_settings(toml_section s);

}  // namespace consentry::app
