#include "app/console_settings.h"

namespace consentry::app {

policy::tenants::session_rules read_console_settings(toml_section s) {
  policy::tenants::session_rules out;
  out.idle = std::chrono::minutes{s.integer("idle_min", 30, 1, 24 * 60)};
  out.longest = std::chrono::hours{s.integer("longest_h", 12, 1, 7 * 24)};
  // login.second (RULES A2 6.1).
  out.second_replaces = s.choice("second", "refuse", {"refuse", "replace"}) == "replace";
  s.finish();
  return out;
}

}  // namespace consentry::app
