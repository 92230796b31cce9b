#include "smtp/auth/sender_finding.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii_text.h"

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

bool decides(const sender_check& c) noexcept {
  return c.what == "dkim" || c.what == "dmarc";
}

check_state overall(const std::vector<sender_check>& checks) noexcept {
  bool is_warned = false, is_unknown = false;
  for (const auto& c : checks) {
    if (decides(c) && c.state == check_state::fail) return check_state::fail;
    if (decides(c) && c.state == check_state::unknown) is_unknown = true;
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
  return reasons(checks, [](const auto& c) { return c.state == check_state::fail && decides(c); });
}

std::string remarks_of(const std::vector<sender_check>& checks) {
  return reasons(checks, [](const auto& c) { return c.state != check_state::pass; });
}

std::vector<wanted_record> records_of(const std::vector<sender_check>& checks) {
  std::vector<wanted_record> out;
  const auto is_there = [&out](const wanted_record& r) {
    return std::ranges::any_of(out, [&r](const wanted_record& o) {
      return o.name == r.name && o.type == r.type && o.value == r.value;
    });
  };
  for (const auto& c : checks)
    for (const auto& r : c.records)
      if (!is_there(r)) out.push_back(r);
  return out;
}

bool is_publishable(std::string_view value) noexcept {
  return value.size() <= record_value_octets_max && is_printable_ascii(value);
}

std::string zone_line(const wanted_record& r) {
  constexpr std::size_t string_octets_max = 255;
  std::string strings;
  for (std::size_t at = 0; at < r.value.size() || at == 0; at += string_octets_max) {
    strings += " \"";
    for (const char c : std::string_view{r.value}.substr(at, string_octets_max)) {
      if (c == '"' || c == '\\')
        strings += {'\\', c};
      else if (c < 0x20 || c >= 0x7f)
        strings += fmt::format("\\{:03}", static_cast<unsigned char>(c));
      else
        strings += c;
    }
    strings += '"';
  }
  return fmt::format("{}. IN {}{}", r.name, r.type, strings);
}

}  // namespace consentry::smtp::auth
