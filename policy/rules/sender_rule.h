// RULES A2 clause 1, A6 H8: mail goes out only under domains that are the tenant's own.
#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

void sender_domain_rule(hearing& h);

}  // namespace consentry::policy::rules
