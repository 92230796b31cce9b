// What the filters saw in a message, as JSON and as lines: for `consentry scan` and for `why`.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "app/message_reading.h"
#include "policy/policy_set.h"
#include "policy/verdict.h"

namespace consentry::app {

boost::json::object to_json(const filters::finding& f);

// The verdict that content alone would bring: send, hold or refuse. Tenant, consent and suppression
// are taken as good.
policy::verdict judge_content(const policy::policy_set& policy, const message_reading& reading,
                              instant now);

// {"parts": [..], "findings": [..], "scores": {..}, "unscannable": [..], "problems": [..],
// "verdict": "hold", ...}. With texts, each part carries its decoded text (at most 1 MiB of it).
boost::json::object scan_report(const message_reading& reading, const policy::verdict& v,
                                bool with_texts);

}  // namespace consentry::app
