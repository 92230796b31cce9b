// RULES D5: a tenant's own people see who complained as a suppression and nothing more: not when to
// the minute, not through which report, not about which mail. Everything that leaves the gateway
// for them goes through here; the operator's people see what is stored.
#pragma once

#include <optional>

#include "journal/event.h"
#include "policy/consent/consent_record.h"
#include "reputation/suppression.h"

namespace consentry::app {

// The first moment of its day in Budapest: what is left of the time of a complaint.
instant only_the_day(instant at);

// A complaint, and a warning about a provider: nullopt. A warning about complaints: by its day. A
// suppression for a complaint, or its end: without mail, campaign and facts that lead to the
// report, a beginning by its day. Anything else as it is.
std::optional<journal::event> veiled(journal::event e);

// A complaint's: reason, day and expiry. Others as they are.
reputation::suppression veiled(reputation::suppression s);

// objected_at may be the moment of a complaint: its day.
policy::consent::consent_record veiled(policy::consent::consent_record r);

}  // namespace consentry::app
