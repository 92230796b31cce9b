// Journal entries as operators read them.
#pragma once

#include <boost/json/fwd.hpp>

#include "journal/event_journal.h"

namespace consentry::journal {

// {"kind", "at" (UTC), "tenant", "message" "m..", "recipient" "r..", "stream", "person" (hex),
// "campaign", "topic", "reason", "rule", "policy_version", "actor", "commitment" (hex), "facts":
// {}}: empty members are left out. All text is valid UTF-8.
boost::json::object to_json(const event& what);

// The same with "seq" and "hash" (hex).
boost::json::object to_json(const entry& e);

}  // namespace consentry::journal
