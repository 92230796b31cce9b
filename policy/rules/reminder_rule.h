// RULES 5.4: a first mailing long after the sign-up reminds of it.
#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

// Where no earlier mail of the key was delivered and the consent is older than
// reminder.after_months, what is seen must say why it comes (pattern category "reminder") and bear
// the sender's legal name.
void reminder_rule(hearing& h);

}  // namespace consentry::policy::rules
