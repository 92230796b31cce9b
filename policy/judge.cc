#include "policy/judge.h"

#include <algorithm>
#include <array>
#include <utility>

#include "policy/rule.h"
#include "policy/rules/campaign_hold_rule.h"
#include "policy/rules/consent_rule.h"
#include "policy/rules/content_rule.h"
#include "policy/rules/doi_rule.h"
#include "policy/rules/import_rule.h"
#include "policy/rules/link_rule.h"
#include "policy/rules/preflight_rule.h"
#include "policy/rules/reminder_rule.h"
#include "policy/rules/sender_rule.h"
#include "policy/rules/stream_rule.h"
#include "policy/rules/suppression_rule.h"
#include "policy/rules/tenant_rule.h"

namespace consentry::policy {

namespace {

// What concerns the whole account or message first, so that the reason given is the one to mend
// first.
constexpr std::array<rule, 14> rules_in_order{
    rules::tenant_state_rule,
    rules::bulk_block_rule,
    rules::sender_domain_rule,
    rules::preflight_rule,
    rules::campaign_rule,
    rules::permission_request_rule,
    rules::suspect_import_rule,
    rules::doi_rule,
    rules::suppression_rule,
    rules::consent_rule,
    rules::reminder_rule,
    rules::link_rule,
    rules::content_rule,
    // Last: what a person must look at waits for that, also when the campaign is released.
    rules::campaign_hold_rule,
};

// A message can hold any number; the weightiest stand first, and a verdict is stored per recipient.
constexpr std::size_t matches_max = 32;

}  // namespace

hearing::hearing(const policy_set& set, const evidence& e) : set_{set}, facts_{e} {
  verdict_.reason = "ok";
  verdict_.policy_version = set.version;
}

void hearing::say(decision d, std::string_view reason, std::string_view rule, std::string text,
                  smtp::enhanced_code enhanced) {
  if (d <= verdict_.decision) return;
  verdict_.decision = d;
  verdict_.reason = reason;
  verdict_.rule = rule;
  verdict_.text = std::move(text);
  verdict_.enhanced = enhanced;
}

void hearing::refuse(std::string_view reason, std::string_view rule, std::string text) {
  say(decision::refuse, reason, rule, std::move(text), {5, 7, 1});
}

void hearing::hold(std::string_view reason, std::string_view rule, std::string text) {
  say(decision::hold, reason, rule, std::move(text), {2, 1, 5});
}

void hearing::defer(std::string_view reason, std::string_view rule, std::string text) {
  say(decision::defer, reason, rule, std::move(text), {4, 7, 1});
}

void hearing::date(std::string_view name, civil_date day) {
  verdict_.dates[std::string{name}] = consentry::to_string(day);
}

void hearing::date(std::string_view name, instant t) {
  verdict_.dates[std::string{name}] = to_string_budapest(t);
}

void hearing::used(std::string_view knob) {
  const auto found = set_.knobs.find(std::string{knob});
  if (found != set_.knobs.end()) verdict_.knobs.insert(*found);
}

void hearing::match(const filters::finding& f) {
  // The same place seen through two views is one place to whoever reads the verdict.
  const auto is_same = [&](const filters::finding& g) {
    return g.pattern == f.pattern && g.zone == f.zone && g.part == f.part && g.begin == f.begin &&
           g.end == f.end;
  };
  auto& kept = verdict_.matches;
  if (kept.size() < matches_max && std::ranges::none_of(kept, is_same)) kept.push_back(f);
}

void hearing::tag(std::string_view category) {
  verdict_.tags.emplace_back(category);
}

void hearing::exempt(std::string_view category, const tenants::exemption& by) {
  verdict_.exemptions[std::string{category}] = tenants::to_text(by);
}

verdict judge(const policy_set& set, const evidence& e) {
  hearing h{set, e};
  for (const auto ask : rules_in_order) ask(h);
  if (!e.is_bulk_by_content) return h.take();
  h.used("bulk.fingerprint_recipients");
  auto v = h.take();
  if (!v.is_send())
    v.text +=
        " (Counted as bulk mail: the same content went to more people within 24 hours than "
        "mail to single persons does, RULES A1.1.)";
  return v;
}

}  // namespace consentry::policy
