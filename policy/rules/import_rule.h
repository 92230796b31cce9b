#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

// RULES A2 5.3: a list that looks bought is looked at by a person before a campaign goes out to
// it.
void suspect_import_rule(hearing& h);

}  // namespace consentry::policy::rules
