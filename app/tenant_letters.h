// What a tenant's contact is told, in Hungarian and English: reason, and what to do.
#pragma once

#include <optional>
#include <string>

#include "journal/event.h"
#include "policy/tenants/tenant.h"

namespace consentry::app {

// What is so until it is taken back: where it comes within a day of the same news, it is told when
// the day is over, if it is still so then. Of other matters it is left out.
struct domain_news {
  std::string domain;
  bool is_failing = false;
  std::string opposite;  // the matter that takes it back
};

struct tenant_letter {
  std::string about;   // "tenant.suspended": stable
  std::string matter;  // letters on the same matter are sent once a day; empty: always sent
  std::optional<domain_news> domain;
  std::string subject;  // one line
  std::string text;     // LF
};

// nullopt: the event is nothing that the tenant must be told of. `desk` is whom to write to.
std::optional<tenant_letter> letter_on(const journal::event& e, const policy::tenants::tenant& t,
                                       const std::string& desk);

}  // namespace consentry::app
