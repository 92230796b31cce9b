// The hand-over of one tenant's data (RULES A2 clause 12): everything that is the tenant's, and
// nothing of another's. docs/export-schema.md
#pragma once

#include <string>

#include "app/export_writer.h"
#include "app/tenant_services.h"

namespace consentry::app {

struct export_made {
  std::string id;  // under which it is fetched
  export_trailer trailer;
};

// Writes <exports>/<tenant number>/<id>.<format>, in slices of one read transaction each, and
// journals tenant_exported. Blocks: for a worker. refused: JSON is due after invoices are settled,
// and the tenant is overdue (or ended so) and nobody says that they are.
result<export_made> export_tenant(const tenant_services& s, const policy::tenants::tenant& t,
                                  export_format format, bool is_settled, const std::string& actor);

// The file, if there is one of that id. Ids are random: checked for their form.
std::optional<std::filesystem::path> find_export(const tenant_services& s, tenant_id tenant,
                                                 const std::string& id);

// Files older than a day, of exports and of imports that were given up. Any thread.
void remove_old_exports(const tenant_services& s);

bool is_transfer_id(std::string_view id) noexcept;

}  // namespace consentry::app
