// What goes on for tenants by itself: letters to their contacts, proofs of domains.
#pragma once

#include "app/tenant_services.h"
#include "base/task_scope.h"

namespace consentry::app {

// A task for each, so that a name server that does not answer keeps no letter waiting. They run
// until tasks is cancelled, a round every few seconds. s outlives tasks.
void tend_tenants(tenant_services& s, task_scope& tasks);

}  // namespace consentry::app
