// A person's password and session, set and ended by whoever may.
#pragma once

#include <string>

#include "app/admin/api.h"

namespace consentry::app::admin {

inline constexpr std::size_t password_bytes_max = 256;

struct password_order {
  tenant_id tenant;  // whose user it must be; 0: staff's
  std::string login;
  std::string actor;
  std::string reason;  // may be empty
};

// 422 for what is too short or too long; else hashed, stored, and the login's session ended.
resource set_password(api_context& c, password_order order, std::string password);
// {"ended": false}: there was none.
resource end_session(api_context& c, password_order order);

}  // namespace consentry::app::admin
