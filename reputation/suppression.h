// Who gets no more mail from a tenant, or from anyone here (RULES C5, D3). Persons stand under
// their pseudonym: of the tenant's key, or of the platform's key in the scope of all tenants.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"

namespace consentry::reputation {

// Numbers are stored. Ascending in weight: a heavier reason takes the place of a lighter one.
enum class suppression_reason : std::uint8_t {
  hard_bounce = 1,
  manual = 2,
  withdrawn = 3,
  unsubscribe = 4,
  complaint = 5,
};
std::string_view to_string(suppression_reason r) noexcept;
std::optional<suppression_reason> parse_suppression_reason(std::string_view name) noexcept;

struct suppression {
  suppression_reason reason{};
  std::string source;  // "arf:feedback.example.net", "desk", "dsn"
  instant at{};
  std::optional<instant> expires_at;  // none: for ever
  message_id message;                 // the mail that led to it; 0: none
  recipient_id recipient;
  std::string campaign;  // of that mail

  friend bool operator==(const suppression&, const suppression&) = default;
};

// What is stored. decode_suppression throws decode_error.
std::string encode(const suppression& s);
suppression decode_suppression(std::string_view bytes);

bool is_in_force(const suppression& s, instant now) noexcept;

// Two for the same person: the heavier reason stands (the first of equal ones), for as long as the
// longer of them, so that nothing added later sets anybody free.
suppression merge(const suppression& a, const suppression& b);

}  // namespace consentry::reputation
