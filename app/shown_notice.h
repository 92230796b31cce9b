// The exact text under which somebody gave consent, wherever it is kept: told by the tenant, or of
// a form of ours (RULES D1).
#pragma once

#include <optional>
#include <string_view>

#include "app/store_rooms.h"

namespace consentry::app {

// hash: as the consent names it. Throws store_error and decode_error.
std::optional<policy::consent::notice_text> find_shown_notice(const store_rooms& rooms,
                                                              const read_txn& txn, tenant_id tenant,
                                                              std::string_view hash);

}  // namespace consentry::app
