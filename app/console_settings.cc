#include "app/console_settings.h"

namespace consentry::app {

console_settings read_console_settings(toml_section s) {
  console_settings out;
  out.sessions.idle = std::chrono::minutes{s.integer("idle_min", 30, 1, 24 * 60)};
  out.sessions.longest = std::chrono::hours{s.integer("longest_h", 12, 1, 7 * 24)};
  // login.second (RULES A2 6.1).
  out.sessions.second_replaces = s.choice("second", "refuse", {"refuse", "replace"}) == "replace";
  out.first_answer = std::chrono::hours{s.integer("first_answer_h", 24, 1, 30 * 24)};
  s.finish();
  return out;
}

}  // namespace consentry::app
