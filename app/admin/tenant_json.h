// Tenants, domains and credentials as the operators see them.
#pragma once

#include <boost/json/fwd.hpp>

#include "policy/tenants/credential.h"
#include "policy/tenants/sender_domain.h"
#include "policy/tenants/tenant.h"

namespace consentry::app::admin {

// `shown_state` is what a person wants to know first: "active", "bulk_blocked", "overdue,
// bulk_blocked", ...; `state` is that of the contract.
boost::json::object to_json(const policy::tenants::tenant& t, bool is_bulk_blocked);
boost::json::object to_json(const policy::tenants::sender_domain& d);
boost::json::object to_json(const policy::tenants::credential& c);

}  // namespace consentry::app::admin
