#include "policy/evidence.h"

namespace consentry::policy {

std::string_view to_string(phase p) noexcept {
  switch (p) {
    case phase::rcpt:
      return "rcpt";
    case phase::message:
      return "message";
    case phase::attempt:
      return "attempt";
  }
  return "unknown";
}

std::string_view to_string(sender_domain_status s) noexcept {
  switch (s) {
    case sender_domain_status::unknown:
      return "unknown";
    case sender_domain_status::verified:
      return "verified";
    case sender_domain_status::unverified:
      return "unverified";
    case sender_domain_status::foreign:
      return "foreign";
  }
  return "unknown";
}

std::string_view to_string(suppression_cause c) noexcept {
  switch (c) {
    case suppression_cause::complaint:
      return "complaint";
    case suppression_cause::unsubscribe:
      return "unsubscribe";
    case suppression_cause::bad_address:
      return "bad_address";
    case suppression_cause::desk:
      return "desk";
  }
  return "unknown";
}

std::string_view to_string(campaign_hold_cause c) noexcept {
  switch (c) {
    case campaign_hold_cause::unproven:
      return "unproven";
    case campaign_hold_cause::bounces:
      return "bounces";
    case campaign_hold_cause::person:
      return "person";
    case campaign_hold_cause::traps:
      return "traps";
    case campaign_hold_cause::unsubscribes:
      return "unsubscribes";
    case campaign_hold_cause::volume:
      return "volume";
  }
  return "unknown";
}

std::string_view reason_of(campaign_hold_cause c) noexcept {
  switch (c) {
    case campaign_hold_cause::unproven:
      return "campaign.max_unproven";
    case campaign_hold_cause::bounces:
      return "campaign.bounces";
    case campaign_hold_cause::person:
      return "campaign.held";
    case campaign_hold_cause::traps:
      return "campaign.traps";
    case campaign_hold_cause::unsubscribes:
      return "campaign.unsubscribes";
    case campaign_hold_cause::volume:
      return "campaign.volume";
  }
  return "campaign.held";
}

}  // namespace consentry::policy
