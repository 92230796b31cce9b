// The section [console] of the settings: how long a session lasts, and what a second sign-in does.
#pragma once

#include "base/strict_toml.h"
#include "policy/tenants/console_access.h"

namespace consentry::app {

// Throws configuration_error.
policy::tenants::session_rules read_console_settings(toml_section s);

}  // namespace consentry::app
