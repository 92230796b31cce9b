// Tells a tenant's contact at once of anything that hinders its service (RULES A2 clauses 3, 12,
// 13): overdue, suspension, end of contract, block of bulk mail, mail on hold, a sender domain
// whose DNS begins to fail; and when it is over.
//
// It follows the journal, so that nobody who changes something can forget it. Where it stands is
// durable together with the mail (notice_marks): nothing is told twice, and nothing is missed over
// a restart. News older than three days is none any more. A domain that fails again within a day of
// the letter on it is told of when the day is over.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "app/tenant_services.h"

namespace consentry::app {

// One page of the journal; more waits when true. Any task, but one at a time.
boost::asio::awaitable<result<bool>> send_tenant_notices(tenant_services& s);

// Until nothing waits: before a tenant's record goes.
boost::asio::awaitable<result<void>> send_all_tenant_notices(tenant_services& s);

}  // namespace consentry::app
