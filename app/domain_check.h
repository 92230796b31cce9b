// Proof that a sender domain is the tenant's: a TXT record with a token of ours (RULES A2 clause 1,
// A6 H8). docs/decisions/tenant-states.md
#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <string>

#include "app/tenant_services.h"
#include "policy/tenants/sender_domain.h"

namespace consentry::app {

// What the tenant publishes: "_consentry.acme.hu" TXT "consentry-domain=<token>".
std::string ownership_name(const policy::tenants::sender_domain& d);
std::string ownership_value(const policy::tenants::sender_domain& d);

enum class domain_finding : std::uint8_t {
  verified,     // the record is there
  absent,       // the name has no TXT record
  different,    // it has some, none with the token
  unreachable,  // no trustworthy answer: ask again later
};
std::string_view to_string(domain_finding f) noexcept;

struct domain_check {
  domain_finding found = domain_finding::unreachable;
  policy::tenants::sender_domain domain;  // as it is then
  std::string detail;                     // what was seen instead, printable; may be empty
};

// Looks it up now; where the token is found the domain is verified and a tenant that waited for it
// becomes active. not_found: the tenant has no such domain.
boost::asio::awaitable<result<domain_check>> check_domain(tenant_services& s, tenant_id tenant,
                                                          std::string domain, std::string actor);

// Looks unproven domains up again by itself: every ten minutes in the first two days, every six
// hours for a month, then only when asked to. `next` is kept from one round to the next.
using domain_rounds = std::map<std::string, instant>;
boost::asio::awaitable<void> check_pending_domains(tenant_services& s, domain_rounds& next);

}  // namespace consentry::app
