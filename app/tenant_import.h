// A tenant comes back from its JSON export: into another store of the same operator, or here again.
// Only a file that this operator's gateway made and nobody changed is taken (its seal): consents of
// other origin go through `consent import` and its rules. It always becomes a tenant of its own;
// nothing is merged into another (RULES A2 5.3).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "app/tenant_services.h"

namespace consentry::app {

struct import_made {
  policy::tenants::tenant tenant;
  std::map<std::string, std::uint64_t> counts;  // section -> rows taken
  std::vector<std::string> left_out;  // "domain acme.hu: ...": names that are another's here
};

// All or nothing: until the last transaction nobody sees the tenant, and what a crash leaves is
// swept. name: instead of the one it had; empty: that. Blocks: for a worker. refused: another's
// seal, or changed; conflict: the name is taken; invalid: not an export.
result<import_made> import_tenant(const tenant_services& s, const std::filesystem::path& file,
                                  const std::string& name, const std::string& actor);

}  // namespace consentry::app
