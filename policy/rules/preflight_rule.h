// RULES B (RFC 9989): who sends in bulk has a DMARC record, and our DKIM key, aligned with From.
#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

// Of bulk mail only, once From is known. What is queued when a domain begins to fail is deferred:
// it goes when the records stand again.
void preflight_rule(hearing& h);

}  // namespace consentry::policy::rules
