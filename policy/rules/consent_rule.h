// RULES 5.1, 5.2, 5.3, A3, A4 and D1: consent, the twelve months it lasts, and the day that the
// person named.
#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

// Advertising (bulk, automation) needs it for every recipient; what answers one person's act
// (transactional) and the confirmation of a sign-up (doi) does not (RULES A1.1). Role addresses
// have no exemption (FIXED).
void consent_rule(hearing& h);

}  // namespace consentry::policy::rules
