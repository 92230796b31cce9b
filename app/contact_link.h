// The link that proves a tenant's contact address (RULES A2 clause 1: active only after clicking
// the e-mailed link). The token is random; only its hash is stored, for seven days.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>

#include "app/tenant_services.h"
#include "policy/tenants/tenant.h"

namespace consentry::app {

inline constexpr std::chrono::hours contact_link_lifetime{7 * 24};

// Mails a fresh link to the contact; the one before ends. Mail and token become durable together.
// conflict: confirmed already.
boost::asio::awaitable<result<policy::tenants::tenant>> send_contact_link(tenant_services& s,
                                                                          tenant_id tenant,
                                                                          std::string actor);

// What is stored instead of a token. Any case: mail programs change it.
std::string contact_token_hash(std::string_view token);

}  // namespace consentry::app
