// RULES A2 clauses 1, 2, 4, 9 (state of the contract) and A5 (bulk block).
#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

void tenant_state_rule(hearing& h);
void bulk_block_rule(hearing& h);

}  // namespace consentry::policy::rules
