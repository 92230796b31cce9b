// A person's data is mended (GDPR article 16).
//
// A name is just written. A new address is another recipient (RULES A1.2: consent is for that
// recipient), so by itself no consent goes with it. Where the tenant declares that the same person
// stands behind both (a misspelt address, a new mailbox), `moves_consents` takes them along,
// without their confirmation: nobody has clicked a link in the new mailbox. Withdrawals, objections
// and suppressions always go along, so that a correction is no way around them. The old address is
// erased (app/erasure.h) with a tombstone of its own.
#pragma once

#include <string>

#include "app/erasure.h"

namespace consentry::app {

struct correction_request {
  tenant_id tenant;
  std::string address;      // mailbox key, as known
  std::string new_address;  // mailbox key; empty: stays
  std::optional<std::string> name;
  bool moves_consents = false;
  std::string reason;
  std::string actor;
};

struct correction_report {
  std::string person;  // pseudonym, of the new address where there is one
  std::uint64_t consents_moved = 0;
  std::uint64_t consents_left = 0;  // went with the old address
  std::uint64_t cancelled = 0;      // mail that was queued to the old address
};

// Blocks: a worker. invalid: nothing to change, or no reason; not_found: nobody of that address;
// conflict: the new address was erased or is known already.
result<correction_report> correct_person(const erasure_parts& parts, const correction_request& r);

}  // namespace consentry::app
