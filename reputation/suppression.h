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

// Numbers are stored.
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

// Whose word it is: a tenant may take back its own (source "tenant:..."), and nobody else's.
bool is_tenants_own(const suppression& s) noexcept;

// RULES 5.2.1, D4: a newer consent of the person's own lifts an unsubscribe and a withdrawal. What
// the desk put there, a complaint and a dead address stand whatever consent comes later.
bool is_lifted_by_consent(suppression_reason r) noexcept;

// Two for the same person: the heavier stands, for as long as the longer of them, so that nothing
// added later sets anybody free. From light to heavy: hard bounce, manual of the tenant, withdrawn,
// unsubscribe, manual of the desk, complaint. Of equal ones the first stands; only of those that a
// consent may lift the later time counts, because a consent must be newer than the last word.
suppression merge(const suppression& a, const suppression& b);

}  // namespace consentry::reputation
