// RULES C5, D3, 5.4: who asked for no more, complained, or cannot be reached.
// docs/decisions/suppression-by-stream.md
#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

void suppression_rule(hearing& h);

}  // namespace consentry::policy::rules
