#include "app/admin/audit_json.h"

#include "app/complaint_veil.h"
#include "journal/event_json.h"

namespace consentry::app::admin {

std::optional<boost::json::object> entry_json(journal::entry e, bool to_staff) {
  if (to_staff) return journal::to_json(e);
  auto seen = veiled(std::move(e.what));
  if (!seen) return std::nullopt;
  e.what = std::move(*seen);
  auto o = journal::to_json(e);
  o.erase("tenant");
  o.erase("hash");
  return o;
}

}  // namespace consentry::app::admin
