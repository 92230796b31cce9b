#include "app/admin/audit_json.h"

#include "journal/event_json.h"

namespace consentry::app::admin {

boost::json::object entry_json(journal::entry e, bool to_staff) {
  if (to_staff) return journal::to_json(e);
  if (e.what.kind == journal::event_kind::complained) {
    e.what.person.clear();
    e.what.recipient = {};
    e.what.message = {};
    e.what.facts.clear();
  }
  auto o = journal::to_json(e);
  o.erase("tenant");
  o.erase("hash");
  return o;
}

}  // namespace consentry::app::admin
