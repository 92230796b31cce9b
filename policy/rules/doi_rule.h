// RULES A2 5.3: what may leave on the doi stream.
#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

// A confirmation goes to the one person who signed up within 24 hours, once per list in 24 hours,
// in words that the operator approved; advertising has no place in it.
void doi_rule(hearing& h);

}  // namespace consentry::policy::rules
