#include "smtp/auth/sender_finding.h"

namespace consentry::smtp::auth {

std::string_view to_string(check_state s) noexcept {
  switch (s) {
    case check_state::unknown:
      return "unknown";
    case check_state::pass:
      return "pass";
    case check_state::warn:
      return "warn";
    case check_state::fail:
      return "fail";
  }
  return "unknown";
}

std::string_view to_string(record_act a) noexcept {
  return a == record_act::replace ? "replace" : "add";
}

check_state overall(const std::vector<sender_check>& checks) noexcept {
  bool is_warned = false, is_unknown = false;
  for (const auto& c : checks) {
    const bool decides = c.what == "dkim" || c.what == "dmarc";
    if (decides && c.state == check_state::fail) return check_state::fail;
    if (decides && c.state == check_state::unknown) is_unknown = true;
    if (c.state == check_state::warn || c.state == check_state::fail) is_warned = true;
  }
  if (checks.empty() || is_unknown) return check_state::unknown;
  return is_warned ? check_state::warn : check_state::pass;
}

namespace {

template <class Is>
std::string reasons(const std::vector<sender_check>& checks, Is is) {
  std::string out;
  for (const auto& c : checks)
    if (is(c)) out += (out.empty() ? "" : ", ") + c.reason;
  return out;
}

}  // namespace

std::string failures_of(const std::vector<sender_check>& checks) {
  return reasons(checks, [](const auto& c) {
    return c.state == check_state::fail && (c.what == "dkim" || c.what == "dmarc");
  });
}

std::string remarks_of(const std::vector<sender_check>& checks) {
  return reasons(checks, [](const auto& c) { return c.state != check_state::pass; });
}

}  // namespace consentry::smtp::auth
