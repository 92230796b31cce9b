// The closed list of what can happen. One event is one journal entry: audit trail, source of
// replays and of evidence.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "smtp/stream.h"

namespace consentry::journal {

// Numbers are stored: never reuse or renumber.
enum class event_kind : std::uint8_t {
  accepted = 1,  // a message was taken; facts: recipients, size, body_sha256, credential,
                 // original_message_id
  refused = 2,   // a recipient or message was refused
  held = 3,      // queued mail waits for a person
  released = 4,
  purged = 5,
  attempted = 6,  // a transaction past its final dot got no reply
  delivered = 7,  // the next hop has it; facts: reply, host, tls
  deferred = 8,
  bounced = 9,
  complained = 10,  // counted or not: facts counts, why, reporter, feedback_type
  consent_given = 20,
  consent_confirmed = 21,
  consent_renewed = 22,
  consent_refused = 23,
  consent_withdrawn = 24,
  consent_expired = 25,
  consent_erased = 26,
  consent_imported = 27,   // one slice of an import; facts: rows, digest
  signed_up = 28,          // a sign-up waits for its confirmation; facts: form
  consent_corrected = 29,  // a person's data was mended; facts: fields
  suppressed = 30,
  unsuppressed = 31,
  tenant_added = 40,
  tenant_changed = 41,
  domain_added = 42,
  domain_changed = 43,
  credential_added = 44,
  credential_changed = 45,
  user_added = 46,  // a person's login to the API; facts: login, role
  user_changed = 47,
  tenant_removed = 48,    // the data is gone, 90 days after the end (RULES A2 10)
  tenant_exported = 49,   // handed over; facts: format
  standing_changed = 50,  // a recorded decision: replayed as it was taken; facts: from, to,
                          // complaints, delivered, epoch
  warned = 51,  // a figure reached, or left, a level below a block or hold; facts: watch, from, to
                // (complaints, provider), or watch, part, whole (of a campaign)
  policy_activated = 60,
  desk_act = 70,
  accessed = 72,         // staff looked at a tenant's data (RULES A2 4); facts: what, reason
  form_changed = 73,     // a sign-up form was made, changed or switched off; facts: form
  session_changed = 78,  // a person's sign-in to the console; facts: what, login
  notice_sent = 71,      // a DSN or notice was queued; facts: for
};

std::string_view to_string(event_kind kind) noexcept;
std::optional<event_kind> parse_event_kind(std::string_view name) noexcept;

struct event {
  event_kind kind{};
  instant at{};
  tenant_id tenant;        // 0: the platform
  message_id message;      // 0: none
  recipient_id recipient;  // 0: none
  smtp::stream stream{};   // 0: none
  std::string person;  // keyed pseudonym of the recipient, 16 bytes; empty: none. Never an address
  std::string campaign;
  std::string topic;
  std::string reason;  // "consent.expired"
  std::string rule;    // "A3"
  std::string policy_version;
  std::string actor;  // "smtp:<credential>", "desk:<login>", "gateway"
  std::string
      commitment;  // 32 bytes: salted hash of the primary record this speaks of; empty: none
  std::map<std::string, std::string>
      facts;  // what the kind adds; names are stable, values bounded (1 KiB each)

  friend bool operator==(const event&, const event&) = default;
};

}  // namespace consentry::journal
