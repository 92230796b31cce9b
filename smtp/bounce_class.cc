#include "smtp/bounce_class.h"

#include <utility>

namespace consentry::smtp {
namespace {

struct described {
  std::string_view name, subject;
};

// In the order of the enumeration.
constexpr std::array<described, all_bounce_classes.size()> descriptions{{
    {"none", ""},
    {"bad_address", "address"},
    {"bad_domain", "address"},
    {"mailbox_full", "mailbox"},
    {"mailbox_disabled", "mailbox"},
    {"policy", "policy"},
    {"reputation", "policy"},
    {"content", "content"},
    {"rate", "rate"},
    {"greylisted", "policy"},
    {"protocol", "protocol"},
    {"routing", "routing"},
    {"expired", "routing"},
    {"transient", "unknown"},
    {"other_permanent", "unknown"},
}};

}  // namespace

std::string_view to_string(bounce_class c) noexcept {
  return descriptions[static_cast<std::size_t>(c)].name;
}

std::optional<bounce_class> parse_bounce_class(std::string_view name) noexcept {
  for (const auto c : all_bounce_classes)
    if (to_string(c) == name) return c;
  return std::nullopt;
}

std::string_view subject_of(bounce_class c) noexcept {
  return descriptions[static_cast<std::size_t>(c)].subject;
}

}  // namespace consentry::smtp
