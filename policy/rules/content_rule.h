// RULES A6, F7: what the findings weigh.
#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

void content_rule(hearing& h);

}  // namespace consentry::policy::rules
