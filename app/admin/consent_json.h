// A consent record as operators read it, with the days that follow from it.
#pragma once

#include <boost/json/fwd.hpp>

#include "policy/consent/consent_record.h"

namespace consentry::app::admin {

// Empty members are left out. "last_day" is the last day of the twelve months (RULES A3).
boost::json::object to_json(const policy::consent::consent_record& r);

}  // namespace consentry::app::admin
