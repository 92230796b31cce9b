// RFC 5322 section 3.3 dates, in UTC.
#pragma once

#include <string>

#include "base/clock.h"

namespace consentry::queue {

std::string mail_date(instant t);  // "Tue, 24 Nov 2026 03:31:40 +0000"

}  // namespace consentry::queue
