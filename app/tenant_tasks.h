// What goes on for tenants by itself: letters to their contacts, proofs of domains.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "app/tenant_services.h"

namespace consentry::app {

// Runs until cancelled; a round every few seconds.
boost::asio::awaitable<void> tend_tenants(tenant_services& s);

}  // namespace consentry::app
