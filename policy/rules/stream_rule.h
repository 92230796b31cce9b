// RULES A1.1, A1.2 and A2 5.1: what each stream asks of a message as such.
#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

// Advertising names its campaign and topic; without them no consent can be looked up.
void campaign_rule(hearing& h);
// A campaign that asks for consent is itself unsolicited, even to one recipient (FIXED).
void permission_request_rule(hearing& h);

}  // namespace consentry::policy::rules
