// Which mailbox provider with a feedback loop a mail went to (RULES C6).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/settings.h"

namespace consentry::app {

// By the host that took the mail, else by the recipient's domain (a smarthost takes for all); both
// lower-case A-labels. The reporter's name; empty: none speaks for it.
std::string find_provider(const std::vector<reporter>& listed, std::string_view host,
                          std::string_view domain);

}  // namespace consentry::app
