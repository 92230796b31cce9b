// Removal of a tenant at once, on its request (RULES A2 clause 10): unreadable when it returns,
// physically gone within a day.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "app/tenant_removal.h"

namespace consentry::app {

struct erasure {
  std::string name;
  bool is_finished = false;  // false: blanked rows of the queue go within hours
};

// refused: the contract has not ended. The contact is told, in a letter that the removal leaves
// alone.
boost::asio::awaitable<result<erasure>> erase_tenant(tenant_services& s, tenant_id tenant,
                                                     std::string reason, std::string actor);

}  // namespace consentry::app
