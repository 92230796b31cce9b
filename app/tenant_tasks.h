// What goes on for tenants by itself: letters to their contacts, proofs of domains, removal of
// those that ended long ago.
#pragma once

#include "app/tenant_services.h"
#include "base/task_scope.h"

namespace consentry::app {

// A task for each duty, until cancelled, a round every few seconds or minutes. s outlives tasks.
void tend_tenants(task_scope& tasks, tenant_services& s);

}  // namespace consentry::app
