// Import jobs as JSON, and imports that are done while the client waits.
#pragma once

#include <boost/json/object.hpp>

#include "app/admin/api.h"
#include "app/import_job.h"

namespace consentry::app::admin {

// What the tenant may know of its own import: never a word of the signs, which speak of others.
boost::json::object to_json(const api_context& c, const import_job& j);
// What the desk may know besides.
boost::json::object signs_json(const api_context& c, const import_job& j);

// POST consents: the whole file in one request, answered when it is stored.
resource import_at_once(api_context& c, const policy::tenants::tenant& t, request r);

}  // namespace consentry::app::admin
