// What a tenant's contact is told, in Hungarian and English: reason, and what to do.
#pragma once

#include <optional>
#include <string>

#include "journal/event.h"
#include "policy/tenants/tenant.h"

namespace consentry::app {

struct tenant_letter {
  std::string about;    // "tenant.suspended": stable
  std::string matter;   // letters on the same matter are sent once a day; empty: always sent
  std::string subject;  // one line
  std::string text;     // LF
};

// nullopt: the event is nothing that the tenant must be told of. `desk` is whom to write to.
std::optional<tenant_letter> letter_on(const journal::event& e, const policy::tenants::tenant& t,
                                       const std::string& desk);

}  // namespace consentry::app
