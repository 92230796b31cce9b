// Takes a tenant's data out of the store: 90 days after the end of its contract, or at once on
// request (RULES A2 clauses 10, 12). docs/decisions/tenant-removal.md
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "app/removal_orders.h"
#include "app/tenant_services.h"

namespace consentry::app {

inline constexpr std::chrono::days kept_after_end{90};

// RULES A2 10: there on day 90, gone on day 91, counted in days of Budapest.
bool is_past_keeping(const policy::tenants::tenant& t, instant now);

// The tenant's record, names, logins, domains and pseudonym key go, in one transaction; from its
// return on nobody finds it. The rest follows by continue_removal. not_found.
boost::asio::awaitable<result<removal_order>> begin_removal(tenant_services& s, tenant_id tenant,
                                                            std::string reason, std::string actor);

// Everything that can go now, in slices that do not hold up intake. true: nothing is left, and
// tenant_removed is in the journal; false: rows of the queue wait for attempts on their way.
boost::asio::awaitable<result<bool>> continue_removal(tenant_services& s, removal_order order);

// One round: begins what is due, goes on with what was begun.
boost::asio::awaitable<result<void>> remove_ended_tenants(tenant_services& s);

}  // namespace consentry::app
