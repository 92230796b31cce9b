// RULES 5.2, 5.4, E4: a campaign that waits until a person releases it.
#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

// New recipients and queued mail alike: held, never refused. Advertising only.
void campaign_hold_rule(hearing& h);

}  // namespace consentry::policy::rules
