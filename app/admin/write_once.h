// Writes that may be asked for twice: with an Idempotency-Key, the second time gets the first
// answer.
#pragma once

#include <functional>

#include "app/admin/api.h"

namespace consentry::app::admin {

// Commits `write` and answers what it says; it looks first and writes last, and may run twice.
// With the header Idempotency-Key (1 to 255 visible ASCII characters) a 2xx answer is kept for 24
// hours in the same transaction. The same key and request: the kept answer, with
// Idempotency-Replayed. The same key and another request: 422 idempotency_key_reused. Too many
// kept: 429.
resource write_once(api_context& c, tenant_id tenant, const request& r,
                    std::function<response(write_txn&)> write);

}  // namespace consentry::app::admin
