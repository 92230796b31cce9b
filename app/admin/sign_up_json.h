// What the resources of double opt-in share: reading their bodies, judging a text before it is
// mailed.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "filters/finding.h"
#include "policy/policy_set.h"

namespace consentry::app::admin {

// Throws configuration_error where the body is no JSON object.
boost::json::object json_object(const std::string& body);

// Removes a member that is a list of strings. configuration_error: it is something else.
std::optional<std::vector<std::string>> take_texts(boost::json::object& o, std::string_view name);

// invalid, with the reason, where the content rule would refuse or hold such a text.
result<void> check_scan(const policy::policy_set& set, const filters::scan_result& scan);

}  // namespace consentry::app::admin
