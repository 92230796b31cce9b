// The settings that a reload may change, read from their files.
#pragma once

#include "app/live_settings.h"
#include "app/policy_versions.h"
#include "app/settings.h"

namespace consentry::app {

// Everything is read before anything is swapped: a bad file leaves the old set (RULES E10). Throws
// configuration_error.
void load_live_settings(const settings& s, policy_versions& policies, live_settings& live);

}  // namespace consentry::app
