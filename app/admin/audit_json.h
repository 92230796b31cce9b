// Entries of the journal as staff reads them, and as the tenant they are about does.
#pragma once

#include <boost/json/object.hpp>
#include <optional>

#include "journal/event_journal.h"

namespace consentry::app::admin {

// To a tenant's own people: without the chain's hash and the tenant's number, which speak of
// others; complaints not at all (nullopt), since who complained reaches the tenant as a suppression
// and not otherwise (RULES D5; complaint_veil.h).
std::optional<boost::json::object> entry_json(journal::entry e, bool to_staff);

}  // namespace consentry::app::admin
