// The knobs of the rules, as one immutable snapshot under one version. Every knob is declared in
// conf/policy/default.toml with its reason; docs/decisions/policy-knobs.md says what the ambiguous
// ones mean.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/civil_date.h"
#include "policy/tenants/tenant.h"

namespace consentry::policy {

struct rule_knobs {
  // RULES A3. Twelve months are FIXED: no knob.
  static constexpr int consent_months = 12;

  enum class granularity : std::uint8_t { day, instant };
  granularity consent_granularity = granularity::day;
  bool consent_check_attempt =
      true;  // consent.check=rcpt+attempt: expiry is looked at again before each attempt
  bool consent_require_doi = false;  // RULES 5.3

  int renewal_max_silence_months = 0;  // 0: one delivery renews for good
  int renewal_objection_wait_h = 0;    // a delivery renews only after so many hours
  bool renewal_accept_declared = false;

  bool purchase_untick_withdraws = true;  // RULES A4
  civil_date purchase_preticked_valid_until{std::chrono::year{2018}, std::chrono::month{5},
                                            std::chrono::day{24}};

  double content_hold = 5;  // RULES F7
  double content_reject = 10;
  bool hard_reject = true;  // hard.action: reject, or hold

  // RULES A6: parts that cannot be read. Never passed silently: tag sends, and says so in verdict
  // and journal.
  enum class unscannable : std::uint8_t { hold, reject, tag };
  unscannable unscannable_action = unscannable::hold;

  // Links to listed domains (conf/lists). Never passed silently: tag sends, and says so.
  enum class link_action : std::uint8_t { tag, score, hold, refuse };
  link_action links_blocklist = link_action::refuse;  // refuse, hold, tag
  link_action links_shortener = link_action::score;   // score, hold, tag
  double links_shortener_score = 2;                   // points of H8

  // RULES F9: what is unpacked and read of all attachments of a message.
  int attachments_depth_max = 5;
  int attachments_ratio_max = 100;
  int attachments_total_mib = 64;
  int attachments_files_max = 10'000;
  int attachments_time_s = 10;

  // RULES 5.4: a first mailing that comes later says who writes and where the address is from.
  int reminder_after_months = 3;
  bool reminder_refuse = true;  // reminder.action: refuse, or hold

  // RULES 5.2, 5.4: shares in hundredths of a percent, looked at once so many were counted.
  static constexpr std::uint64_t campaign_sample_min = 200;
  int campaign_max_unproven = 500;
  int bounce_warn_campaign = 250;
  int bounce_hold_campaign = 500;

  // Watches over a campaign: a warning is told once, a hold waits for a person. Shares as above.
  int watch_unsubscribes_warn = 100;  // of recipients whose delivery came to an end
  int watch_unsubscribes_hold = 300;
  int watch_traps_warn = 1;  // recipients that are spam traps; 0: never
  int watch_traps_hold = 3;
  int watch_volume_warn = 10;  // times the busiest day of the 30 before; 0: never
  int watch_volume_hold = 0;
  std::int64_t watch_volume_min = 10'000;  // recipients; fewer are never sudden

  int import_hold_score = 60;  // above it a list that looks bought holds campaigns

  // RULES B: bulk mail of a sender domain whose DNS is known to fail. warn sends, and says so.
  enum class preflight_act : std::uint8_t { off, warn, hold, refuse };
  preflight_act preflight_action = preflight_act::refuse;

  tenants::overdue_allow overdue = tenants::overdue_allow::automation;

  int fingerprint_recipients = 50;  // RULES A1.1: bulk.fingerprint_recipients, in 24 hours

  std::int64_t ratio_floor = 1000;  // RULES A5, for reputation
  int ratio_window_days = 30;
  int ratio_warn_percent = 50;     // ratio.warn, of the limit
  bool unblock_reset = true;       // counting restarts with an unblock
  bool unblock_four_eyes = false;  // two persons unblock
  int provider_warn = 10;          // RULES C6, hundredths of a percent
  int provider_alarm = 30;

  // RULES E8: what stays of a decision for replays under another policy. Each holds what stands
  // before it.
  enum class kept_evidence : std::uint8_t { nothing, facts, messages };
  kept_evidence evidence_keep = kept_evidence::facts;
  int evidence_keep_days = 30;
};
std::string_view name_of(rule_knobs::kept_evidence e) noexcept;

// Every knob as it stands in a file, "consent.granularity" -> "day", sorted by name: the canonical
// content.
std::map<std::string, std::string> knobs_of(const rule_knobs& k);

// "5%", "2.5%" and back, in hundredths of a percent. nullopt: not a share of at most 100%.
std::optional<int> parse_share(std::string_view text) noexcept;
std::string share_text(int hundredths);

// Whether `part` of `whole` is more than the share, strictly, and enough were counted to say so.
// Integers: exactly the share is not over it.
bool is_over_share(std::uint64_t part, std::uint64_t whole, int hundredths) noexcept;

// Immutable; shared by readers and swapped whole. A message is judged under one.
struct policy_set {
  rule_knobs rules;
  std::map<std::string, std::string> knobs;  // knobs_of(rules)
  std::string version;   // "p" and 12 hex digits: hash of the knobs and of the patterns
  std::string patterns;  // digest or version of the pattern files, as given
  std::string source;    // file it came from; empty: the defaults
};

std::shared_ptr<const policy_set> make_policy_set(const rule_knobs& k, std::string_view patterns,
                                                  std::string source = {});

}  // namespace consentry::policy
