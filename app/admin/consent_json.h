// Consents and suppressions as people read them, with the days that follow from them.
#pragma once

#include <boost/json/fwd.hpp>

#include "app/store_rooms.h"
#include "policy/consent/consent_record.h"
#include "reputation/suppression.h"

namespace consentry::app::admin {

// Empty members are left out. "last_day" is the last day of the twelve months (RULES A3);
// "record" names the evidence, "schema_version" the set of fields (RULES D1).
boost::json::object to_json(const policy::consent::consent_record& r);

// To a tenant's own people a complaint is a suppression and nothing more (RULES D5): not which
// mail, not by which report.
boost::json::object to_json(const reputation::suppression& s, bool to_staff);
// What happened to a person's consents, ascending; entries as in the journal, or
// as audit_json.h shows them to a tenant.
boost::json::array history_json(const store_rooms& rooms, const read_txn& txn, tenant_id tenant,
                                std::string_view person, bool to_staff);

}  // namespace consentry::app::admin
