// A tenant: one legal entity that sends through the gateway, and the state of its contract.
//
// The automatic block of a tenant's bulk stream is no state of the contract but a scope of its own
// (RULES A2 clause 4: `bulk` and `all`); see reputation/blocker.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "smtp/stream.h"

namespace consentry::policy::tenants {

// Numbers are stored.
enum class tenant_state : std::uint8_t {
  pending = 1,     // not verified yet: nothing passes (RULES A2 clause 1)
  active = 2,      // everything passes
  overdue = 3,     // late payer: automations and forms go on (clauses 2, 9)
  suspended = 4,   // scope `all`, a human act (clauses 4, 5.1)
  terminated = 5,  // for good (clause 12)
};

std::string_view to_string(tenant_state s) noexcept;
std::optional<tenant_state> parse_tenant_state(std::string_view name) noexcept;

// A state changes to any other, but nothing goes back to pending, and terminated is final. Pending
// does not become overdue: that would let automations through before anything is verified.
bool may_change(tenant_state from, tenant_state to) noexcept;

// Why a contract ended (RULES A2 clause 12: enumerated). Numbers are stored.
enum class termination_reason : std::uint8_t {
  none = 0,
  over30_overdue = 1,   // more than thirty days overdue
  grave_breach = 2,     // of the terms
  reputation_harm = 3,  // harms the reputation of the operator
  false_data = 4,       // the tenant's data are not true
  by_tenant = 5,        // the tenant's own notice
};
std::string_view to_string(termination_reason r) noexcept;
std::optional<termination_reason> parse_termination_reason(std::string_view name) noexcept;

struct tenant {
  tenant_id id;
  std::string name;            // unique: a-z, then a-z 0-9 -, 2 to 32 characters
  std::string legal_name;      // as in the company register; recipients see it
  std::string contact;         // mailbox for notices
  std::string postal_address;  // may be empty
  tenant_state state = tenant_state::pending;
  instant created_at{};
  instant state_since{};
  std::string pseudonym_key;  // 32 random bytes; secret: never shown, logged or exported in clear

  // RULES A2 clause 1. Confirmed by the link that was mailed to `contact`, or by a person who
  // vouches.
  instant contact_confirmed_at{};    // 0: not yet
  std::string contact_confirmed_by;  // "contact_link", or the person: "desk:anna"
  std::string contact_token_hash;    // SHA-256 of the last link's token; empty: none was sent
  instant contact_token_expires_at{};
  termination_reason ended_because = termination_reason::none;

  bool is_contact_confirmed() const noexcept { return contact_confirmed_at != instant{}; }
};

// What is stored in table tenants under be32 id. decode_tenant throws decode_error.
std::string encode(const tenant& t);
tenant decode_tenant(std::string_view bytes);

// failure_kind::invalid naming what is wrong with name, legal name or contact.
result<void> validate(const tenant& t);

// Knob overdue.allow [I]: the most commercial stream that an overdue tenant may still use. Each
// value lets the ones above it through as well.
enum class overdue_allow : std::uint8_t {
  nothing = 0,
  transactional = 1,  // and doi: forms continue
  automation = 2,     // the default: all but bulk
};
std::string_view to_string(overdue_allow a) noexcept;
std::optional<overdue_allow> parse_overdue_allow(std::string_view name) noexcept;

// Views point to constants. When allowed, the texts are empty.
struct stream_permission {
  bool allowed = false;
  std::string_view reason;  // "tenant.inactive", "tenant.overdue", "tenant.suspended", ...
  std::string_view rule;    // "A2.1"
  std::string_view text;    // for the CRM user
};

// Which streams a state lets through (RULES A2). Pure.
stream_permission permits(tenant_state state, smtp::stream stream,
                          overdue_allow overdue = overdue_allow::automation) noexcept;

// The 16 bytes under which a person is known to this tenant's journal, tallies and suppressions:
// HMAC-SHA-256(tenant key, address key), cut. address_key is smtp::mailbox::key().
std::string pseudonym(const tenant& t, std::string_view address_key);
// The same under the platform's key, for what is compared across tenants.
std::string platform_pseudonym(std::string_view platform_key, std::string_view address_key);

}  // namespace consentry::policy::tenants
