// What happened to one person's consents, as the journal tells it (RULES D1: given, confirmed,
// renewed, refused, withdrawn, expired, erased): the person's own entries, and the slices of the
// imports that brought the records.
#pragma once

#include <string_view>
#include <vector>

#include "journal/event_journal.h"
#include "policy/consent/consent_ledger.h"

namespace consentry::policy::consent {

// Ascending, the newest `limit`. Any thread. Throws store_error and decode_error.
std::vector<journal::entry> history_of(const read_txn& txn, const journal::event_journal& journal,
                                       const consent_ledger& ledger, tenant_id tenant,
                                       std::string_view person, std::size_t limit);

}  // namespace consentry::policy::consent
