// Consents that come as JSON, judged by the rules of an import: one row each.
#pragma once

#include <boost/json/array.hpp>
#include <vector>

#include "app/store_rooms.h"
#include "policy/consent/import.h"

namespace consentry::app::admin {

struct judged_consent {
  // Where there is a reason, the key alone; its person is empty where no address could be read.
  policy::consent::import_row row;
  std::string reason;  // "import.too_old": why it is refused
  std::string text;
};

struct consent_writer {
  const policy::tenants::tenant& tenant;
  std::string person;  // who writes
  instant now{};
};

// One for each item, in their order. An item is an object whose members are the columns of an
// import; a member that is none is refused, as is a value that is no string. Reads the store.
std::vector<judged_consent> judge_consents(const store_rooms& rooms, const consent_writer& who,
                                           const boost::json::array& items);

}  // namespace consentry::app::admin
