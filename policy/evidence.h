// Everything a judge may know about one recipient of one message: a plain value that app fills.
// What is not here cannot decide.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "filters/finding.h"
#include "policy/consent/consent_record.h"
#include "policy/tenants/exemption.h"
#include "policy/tenants/tenant.h"
#include "smtp/stream.h"

namespace consentry::policy {

// When it is asked. What cannot be known yet is not judged yet.
enum class phase : std::uint8_t {
  rcpt,  // RCPT TO: campaign, topic and the From domain may still come with the header; content is
         // unknown
  message,  // after the end of data: everything is known, and what is missing is missing
  attempt,  // before a delivery attempt: content and header stay as judged at acceptance
};
std::string_view to_string(phase p) noexcept;

enum class sender_domain_status : std::uint8_t {
  unknown,     // not looked at, because the header is not known yet or was judged already
  verified,    // the tenant's own, proven
  unverified,  // the tenant's claim, proof missing
  foreign,     // not of this tenant
};
std::string_view to_string(sender_domain_status s) noexcept;

// Why a recipient gets no more mail.
enum class suppression_cause : std::uint8_t { complaint, unsubscribe, bad_address, desk };
std::string_view to_string(suppression_cause c) noexcept;

struct suppression_facts {
  suppression_cause cause = suppression_cause::desk;
  instant since{};
};

// Why a campaign waits for a person (RULES 5.2, 5.4, E4; the watches). Numbers are stored.
enum class campaign_hold_cause : std::uint8_t {
  unproven = 1,
  bounces = 2,
  person = 3,
  traps = 4,         // part recipients are spam traps, of whole asked
  unsubscribes = 5,  // part of whole delivered
  volume = 6,        // part asked, where whole is the busiest day before
};
inline constexpr auto campaign_hold_cause_last = campaign_hold_cause::volume;
std::string_view to_string(campaign_hold_cause c) noexcept;
// The reason of a verdict, and of the queue's rows: "campaign.max_unproven".
std::string_view reason_of(campaign_hold_cause c) noexcept;

struct campaign_hold_facts {
  campaign_hold_cause cause = campaign_hold_cause::person;
  instant since{};
  std::uint64_t part = 0;   // of `whole`: refused as unproven, or bounced
  std::uint64_t whole = 0;  // asked, or delivered and bounced
};

struct sign_up_facts {
  instant at{};            // when the person gave the address
  bool is_mailed = false;  // another confirmation for the topic was taken within 24 hours

  bool is_open(instant now) const noexcept {
    return at <= now && now - at <= std::chrono::hours{24};
  }
};

// Signs that a list the tenant imported was bought (RULES A2 5.3), which the desk has not looked
// at.
struct suspect_import {
  std::string import;  // "i000017"
  int score = 0;       // 0 to 100
};

// What is known for certain of the sender domain's DNS (RULES B;
// docs/decisions/sender-preflight.md).
struct preflight_facts {
  std::string failures;  // "dkim.missing, dmarc.missing"; empty: it passed
  instant checked_at{};

  bool is_failed() const noexcept { return !failures.empty(); }
  friend bool operator==(const preflight_facts&, const preflight_facts&) = default;
};

struct evidence {
  policy::phase phase = policy::phase::message;
  instant now{};  // of the question: the send day is its day in Budapest

  smtp::stream stream = smtp::stream::bulk;
  // Sent as something else, but the same content went to so many that it counts as bulk (RULES
  // A1.1); `stream` is bulk then.
  bool is_bulk_by_content = false;
  std::string tenant_name;
  tenants::tenant_state tenant_state = tenants::tenant_state::pending;
  bool is_bulk_blocked = false;  // reputation's gate (RULES A5)

  std::string campaign;  // empty: none, or at RCPT not known yet
  std::string topic;
  std::string sender_identity;
  bool is_permission_request = false;  // the sender says that it asks for consent (RULES 5.1)
  std::optional<campaign_hold_facts> campaign_hold;
  std::string sender_domain;  // the one looked at: of From, at RCPT of the envelope sender
  sender_domain_status domain_status = sender_domain_status::unknown;
  // Of stream bulk. Empty: never looked at, or no trustworthy answer yet.
  std::optional<preflight_facts> preflight;

  std::string recipient;              // mailbox key; never copied into a verdict
  std::uint32_t recipient_count = 1;  // of the message, so far

  // From renewal_buffer::find, so with the deliveries not yet applied. Empty: there is none.
  std::optional<consent::consent_record> consent;
  std::optional<suppression_facts> suppression;
  std::optional<suspect_import> suspect;

  // Stream doi, with a topic: the last sign-up of this recipient to it (RULES A2 5.3).
  std::optional<sign_up_facts> sign_up;
  bool is_doi_template_approved = false;  // is looked at in phase message only

  // The tenant's sector exemptions (RULES A6), also those that count no more; looked at in phase
  // message only.
  std::vector<tenants::exemption> exemptions;

  // Findings of the decoded message; must be there in phase message, is not looked at in the
  // others.
  const filters::scan_result* scan = nullptr;
};

}  // namespace consentry::policy
