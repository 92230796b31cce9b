#include "policy/policy_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/secret.h"
#include "base/text.h"

namespace consentry::policy {

std::map<std::string, std::string> knobs_of(const rule_knobs& k) {
  const auto yes_no = [](bool b) { return std::string{b ? "true" : "false"}; };
  const auto action = [](bool reject) { return std::string{reject ? "reject" : "hold"}; };
  const auto unscannable = [&k] {
    using enum rule_knobs::unscannable;
    return k.unscannable_action == reject ? "reject" : k.unscannable_action == tag ? "tag" : "hold";
  };
  const auto link = [](rule_knobs::link_action a) {
    using enum rule_knobs::link_action;
    return a == refuse ? "refuse" : a == hold ? "hold" : a == score ? "score" : "tag";
  };
  const auto preflight = [&k] {
    using enum rule_knobs::preflight_act;
    const auto a = k.preflight_action;
    return a == refuse ? "refuse" : a == hold ? "hold" : a == warn ? "warn" : "off";
  };
  return {
      {"attachments.depth_max", std::to_string(k.attachments_depth_max)},
      {"attachments.files_max", std::to_string(k.attachments_files_max)},
      {"attachments.ratio_max", std::to_string(k.attachments_ratio_max)},
      {"attachments.time_s", std::to_string(k.attachments_time_s)},
      {"attachments.total_mib", std::to_string(k.attachments_total_mib)},
      {"bounce.hold_campaign", share_text(k.bounce_hold_campaign)},
      {"bounce.warn_campaign", share_text(k.bounce_warn_campaign)},
      {"campaign.max_unproven", share_text(k.campaign_max_unproven)},
      {"bulk.fingerprint_recipients", std::to_string(k.fingerprint_recipients)},
      {"consent.check", k.consent_check_attempt ? "rcpt+attempt" : "rcpt"},
      {"consent.granularity",
       k.consent_granularity == rule_knobs::granularity::day ? "day" : "instant"},
      {"consent.require_doi", yes_no(k.consent_require_doi)},
      {"content.hold", fmt::format("{}", k.content_hold)},
      {"content.reject", fmt::format("{}", k.content_reject)},
      {"evidence.keep", std::string{name_of(k.evidence_keep)}},
      {"evidence.keep_days", std::to_string(k.evidence_keep_days)},
      {"hard.action", action(k.hard_reject)},
      {"import.hold_score", std::to_string(k.import_hold_score)},
      {"links.blocklist", link(k.links_blocklist)},
      {"links.shortener", link(k.links_shortener)},
      {"links.shortener_score", fmt::format("{}", k.links_shortener_score)},
      {"overdue.allow", std::string{tenants::to_string(k.overdue)}},
      {"preflight.action", preflight()},
      {"purchase.preticked_valid_until", to_string(k.purchase_preticked_valid_until)},
      {"purchase.untick_withdraws", yes_no(k.purchase_untick_withdraws)},
      {"provider.alarm", share_text(k.provider_alarm)},
      {"provider.warn", share_text(k.provider_warn)},
      {"ratio.floor", std::to_string(k.ratio_floor)},
      {"ratio.warn",
       fmt::format("{}.{:02}", k.ratio_warn_percent / 100, k.ratio_warn_percent % 100)},
      {"ratio.window_days", std::to_string(k.ratio_window_days)},
      {"reminder.action", k.reminder_refuse ? "refuse" : "hold"},
      {"reminder.after_months", std::to_string(k.reminder_after_months)},
      {"renewal.accept_declared", yes_no(k.renewal_accept_declared)},
      {"renewal.max_silence_months", std::to_string(k.renewal_max_silence_months)},
      {"renewal.objection_wait_h", std::to_string(k.renewal_objection_wait_h)},
      {"unblock.four_eyes", yes_no(k.unblock_four_eyes)},
      {"unblock.reset", yes_no(k.unblock_reset)},
      {"unscannable.action", unscannable()},
      {"watch.traps_hold", std::to_string(k.watch_traps_hold)},
      {"watch.traps_warn", std::to_string(k.watch_traps_warn)},
      {"watch.unsubscribes_hold", share_text(k.watch_unsubscribes_hold)},
      {"watch.unsubscribes_warn", share_text(k.watch_unsubscribes_warn)},
      {"watch.volume_hold", std::to_string(k.watch_volume_hold)},
      {"watch.volume_min", std::to_string(k.watch_volume_min)},
      {"watch.volume_warn", std::to_string(k.watch_volume_warn)},
  };
}

std::string_view name_of(rule_knobs::kept_evidence e) noexcept {
  using enum rule_knobs::kept_evidence;
  return e == nothing ? "nothing" : e == facts ? "facts" : "messages";
}

std::optional<int> parse_share(std::string_view text) noexcept {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  const auto point = text.find('.');
  const auto whole = text.substr(0, point);
  const auto part = point == text.npos ? std::string_view{} : text.substr(point + 1);
  if (whole.empty() || whole.size() > 3 || part.size() > 2 || (point != text.npos && part.empty()))
    return std::nullopt;
  int value = 0;
  for (const auto digits : {whole, part})
    for (const char c : digits) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
  for (auto n = part.size(); n < 2; ++n) value *= 10;
  return value <= 10'000 ? std::optional{value} : std::nullopt;
}

std::string share_text(int hundredths) {
  if (hundredths % 100 == 0) return fmt::format("{}%", hundredths / 100);
  if (hundredths % 10 == 0) return fmt::format("{}.{}%", hundredths / 100, hundredths % 100 / 10);
  return fmt::format("{}.{:02}%", hundredths / 100, hundredths % 100);
}

bool is_over_share(std::uint64_t part, std::uint64_t whole, int hundredths) noexcept {
  return whole >= rule_knobs::campaign_sample_min &&
         part * 10'000 > whole * static_cast<std::uint64_t>(hundredths);
}

std::shared_ptr<const policy_set> make_policy_set(const rule_knobs& k, std::string_view patterns,
                                                  std::string source) {
  auto set = std::make_shared<policy_set>();
  set->rules = k;
  set->knobs = knobs_of(k);
  set->patterns = patterns;
  set->source = std::move(source);
  std::string canonical;
  for (const auto& [name, value] : set->knobs) canonical += name + "=" + value + "\n";
  canonical += "patterns=" + set->patterns + "\n";
  const auto digest = sha256(canonical);
  set->version = "p" + hex(as_bytes(digest).substr(0, 6));
  return set;
}

}  // namespace consentry::policy
