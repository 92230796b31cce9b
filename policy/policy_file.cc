#include "policy/policy_file.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/strict_toml.h"

namespace consentry::policy {

namespace {

// RULES: FIXED. These are no knobs; whoever looks for one is told why.
struct fixed_rule {
  std::string_view section;
  std::string_view key;
  std::string_view why;
};
constexpr std::array<fixed_rule, 12> fixed_rules{{
    {"consent", "months", "consent lasts twelve months (terms 5.2.1)"},
    {"consent", "required", "nobody gets advertising without consent (terms 5.1)"},
    {"consent", "exempt_roles", "role addresses need consent like any other (terms 5.1)"},
    {"provenance", "allow", "bought, rented or copied lists give no consent (terms 5.1, 5.3)"},
    {"permission_request", "allow", "mail that asks for permission is unsolicited (terms 5.1)"},
    {"permission_request", "action", "mail that asks for permission is unsolicited (terms 5.1)"},
    {"consent", "accept_implicit", "only express consent counts (terms 5.1)"},
    {"consent", "ignore_withdrawals", "only a newer consent restores (terms 5.2.1)"},
    {"campaign", "release_after_h", "a person with a reason releases a campaign (terms 5.2)"},
    {"unblock", "after_days", "a person with a reason lifts a block, never a timer (RULES A5)"},
    {"unblock", "auto", "a person with a reason lifts a block, never a timer (RULES A5)"},
    {"suppress", "ignore", "who complained gets no more (RULES C5)"},
}};

// Exemptions are no knobs: each is granted to one tenant, by a person, for a time.
void refuse_exemptions(toml_section& top) {
  for (const std::string_view name : {"exempt", "exemption", "exemptions"}) {
    if (!top.has(name)) continue;
    auto s = top.section(name);
    for (const auto& key : s.keys())
      if (key.starts_with('H') || key.starts_with('h'))
        s.fail(key, std::string{name} + "." + key +
                        " cannot be set, the rule is fixed: nobody is exempt from a hard category "
                        "(RULES A6)");
    top.fail(name, std::string{name} +
                       " is no part of a policy: a person grants a tenant an exemption from S1 to "
                       "S7, with a reason and a last day (consentry tenant exempt)");
  }
}

void refuse_loosening(toml_section& top) {
  refuse_exemptions(top);
  for (const auto& f : fixed_rules) {
    if (!top.has(f.section)) continue;
    auto s = top.section(f.section);
    if (!s.has(f.key)) continue;
    read_or_note([&] {
      s.fail(f.key, std::string{f.section} + "." + std::string{f.key} +
                        " cannot be set, the rule is fixed: " + std::string{f.why});
    });
  }
}

void read_consent(toml_section s, rule_knobs& k) {
  k.consent_granularity = s.choice("granularity", "day", {"day", "instant"}) == "day"
                              ? rule_knobs::granularity::day
                              : rule_knobs::granularity::instant;
  k.consent_check_attempt =
      s.choice("check", "rcpt+attempt", {"rcpt+attempt", "rcpt"}) == "rcpt+attempt";
  k.consent_require_doi = s.flag("require_doi", k.consent_require_doi);
  s.finish();
}

void read_renewal(toml_section s, rule_knobs& k) {
  k.renewal_max_silence_months =
      static_cast<int>(s.integer("max_silence_months", k.renewal_max_silence_months, 0, 120));
  k.renewal_objection_wait_h =
      static_cast<int>(s.integer("objection_wait_h", k.renewal_objection_wait_h, 0, 8760));
  k.renewal_accept_declared = s.flag("accept_declared", k.renewal_accept_declared);
  s.finish();
}

void read_purchase(toml_section s, rule_knobs& k) {
  k.purchase_untick_withdraws = s.flag("untick_withdraws", k.purchase_untick_withdraws);
  const auto text = s.text("preticked_valid_until", to_string(k.purchase_preticked_valid_until));
  const auto day = parse_date(text);
  if (!day) s.fail("preticked_valid_until", "preticked_valid_until must be a date \"YYYY-MM-DD\"");
  k.purchase_preticked_valid_until = *day;
  s.finish();
}

void read_attachments(toml_section s, rule_knobs& k) {
  const auto number = [&s](std::string_view key, int otherwise, int least, int most) {
    return static_cast<int>(s.integer(key, otherwise, least, most));
  };
  k.attachments_depth_max = number("depth_max", k.attachments_depth_max, 1, 20);
  k.attachments_ratio_max = number("ratio_max", k.attachments_ratio_max, 1, 10'000);
  k.attachments_total_mib = number("total_mib", k.attachments_total_mib, 1, 1024);
  k.attachments_files_max = number("files_max", k.attachments_files_max, 1, 100'000);
  k.attachments_time_s = number("time_s", k.attachments_time_s, 1, 120);
  s.finish();
}

void read_links(toml_section s, rule_knobs& k) {
  using enum rule_knobs::link_action;
  const auto action_of = [](const std::string& name) {
    return name == "refuse" ? refuse : name == "hold" ? hold : name == "score" ? score : tag;
  };
  k.links_blocklist = action_of(s.choice("blocklist", "refuse", {"refuse", "hold", "tag"}));
  k.links_shortener = action_of(s.choice("shortener", "score", {"score", "hold", "tag"}));
  k.links_shortener_score = s.number("shortener_score", k.links_shortener_score, 0, 1000);
  s.finish();
}

void read_content(toml_section top, rule_knobs& k) {
  auto s = top.section("content");
  k.content_hold = s.number("hold", k.content_hold, 0.1, 1000);
  k.content_reject = s.number("reject", k.content_reject, 0.1, 1000);
  if (k.content_reject < k.content_hold) s.fail("reject", "reject must not be below hold");
  s.finish();
  auto hard = top.section("hard");
  k.hard_reject = hard.choice("action", "reject", {"reject", "hold"}) == "reject";
  hard.finish();
  // "pass" is no choice: what cannot be read is never waved through silently (RULES A6).
  auto unscannable = top.section("unscannable");
  const auto action = unscannable.choice("action", "hold", {"hold", "reject", "tag"});
  k.unscannable_action = action == "reject" ? rule_knobs::unscannable::reject
                         : action == "tag"  ? rule_knobs::unscannable::tag
                                            : rule_knobs::unscannable::hold;
  unscannable.finish();
  read_attachments(top.section("attachments"), k);
  read_links(top.section("links"), k);
}

int read_share(toml_section& s, std::string_view key, int otherwise) {
  const auto share = parse_share(s.text(key, share_text(otherwise)));
  if (!share)
    s.fail(key, std::string{key} + " must be a share of at most \"100%\", with up to two decimals");
  return *share;
}

void read_campaign(toml_section top, rule_knobs& k) {
  auto reminder = top.section("reminder");
  // More than twelve months would be none at all: consent is over by then.
  k.reminder_after_months =
      static_cast<int>(reminder.integer("after_months", k.reminder_after_months, 0, 12));
  k.reminder_refuse = reminder.choice("action", "refuse", {"refuse", "hold"}) == "refuse";
  reminder.finish();
  auto campaign = top.section("campaign");
  k.campaign_max_unproven = read_share(campaign, "max_unproven", k.campaign_max_unproven);
  campaign.finish();
  auto bounce = top.section("bounce");
  k.bounce_hold_campaign = read_share(bounce, "hold_campaign", k.bounce_hold_campaign);
  k.bounce_warn_campaign =
      read_share(bounce, "warn_campaign", std::min(k.bounce_warn_campaign, k.bounce_hold_campaign));
  bounce.finish();
}

void read_watch(toml_section s, rule_knobs& k) {
  constexpr int traps_max = 1'000'000;
  constexpr int times_max = 100'000;
  k.watch_unsubscribes_warn = read_share(s, "unsubscribes_warn", k.watch_unsubscribes_warn);
  k.watch_unsubscribes_hold = read_share(s, "unsubscribes_hold", k.watch_unsubscribes_hold);
  k.watch_traps_warn = static_cast<int>(s.integer("traps_warn", k.watch_traps_warn, 0, traps_max));
  k.watch_traps_hold = static_cast<int>(s.integer("traps_hold", k.watch_traps_hold, 0, traps_max));
  k.watch_volume_warn =
      static_cast<int>(s.integer("volume_warn", k.watch_volume_warn, 0, times_max));
  k.watch_volume_hold =
      static_cast<int>(s.integer("volume_hold", k.watch_volume_hold, 0, times_max));
  k.watch_volume_min = s.integer("volume_min", k.watch_volume_min, 1, 1'000'000'000);
  s.finish();
}

void read_complaints(toml_section top, rule_knobs& k) {
  auto ratio = top.section("ratio");
  // 1 is the literal reading: one complaint in fifty blocks (RULES A5). Above the default, more
  // complaints would pass.
  k.ratio_floor = ratio.integer("floor", k.ratio_floor, 1, 1000);
  k.ratio_window_days = static_cast<int>(ratio.integer("window_days", k.ratio_window_days, 1, 365));
  const auto warn = ratio.number("warn", k.ratio_warn_percent / 100.0, 0.01, 1);
  k.ratio_warn_percent = static_cast<int>(std::lround(warn * 100));
  ratio.finish();
  auto unblock = top.section("unblock");
  k.unblock_reset = unblock.flag("reset", k.unblock_reset);
  k.unblock_four_eyes = unblock.flag("four_eyes", k.unblock_four_eyes);
  unblock.finish();
  auto provider = top.section("provider");
  k.provider_warn = read_share(provider, "warn", k.provider_warn);
  k.provider_alarm = read_share(provider, "alarm", k.provider_alarm);
  if (k.provider_alarm < k.provider_warn) provider.fail("alarm", "alarm must not be below warn");
  provider.finish();
}

void read_account(toml_section top, rule_knobs& k) {
  auto import = top.section("import");
  k.import_hold_score = static_cast<int>(import.integer("hold_score", k.import_hold_score, 0, 100));
  import.finish();
  auto overdue = top.section("overdue");
  const auto allow = overdue.choice("allow", std::string{tenants::to_string(k.overdue)},
                                    {"nothing", "transactional", "automation"});
  k.overdue = tenants::parse_overdue_allow(allow).value();
  overdue.finish();
  auto bulk = top.section("bulk");
  // Each row of the count holds so many people: hence the bound.
  k.fingerprint_recipients =
      static_cast<int>(bulk.integer("fingerprint_recipients", k.fingerprint_recipients, 1, 1000));
  bulk.finish();
}

void read_preflight(toml_section s, rule_knobs& k) {
  using enum rule_knobs::preflight_act;
  const auto action = s.choice("action", "refuse", {"off", "warn", "hold", "refuse"});
  k.preflight_action = action == "refuse" ? refuse
                       : action == "hold" ? hold
                       : action == "warn" ? warn
                                          : off;
  s.finish();
}

void read_evidence(toml_section s, rule_knobs& k) {
  using enum rule_knobs::kept_evidence;
  const auto keep = s.choice("keep", "facts", {"nothing", "facts", "messages"});
  k.evidence_keep = keep == "nothing" ? nothing : keep == "messages" ? messages : facts;
  k.evidence_keep_days = static_cast<int>(s.integer("keep_days", k.evidence_keep_days, 1, 90));
  s.finish();
}

rule_knobs read(toml_section top) {
  refuse_loosening(top);
  rule_knobs k;
  read_or_note([&] { read_consent(top.section("consent"), k); });
  read_or_note([&] { read_renewal(top.section("renewal"), k); });
  read_or_note([&] { read_purchase(top.section("purchase"), k); });
  read_or_note([&] { read_content(top, k); });
  read_or_note([&] { read_campaign(top, k); });
  read_or_note([&] { read_account(top, k); });
  read_or_note([&] { read_watch(top.section("watch"), k); });
  read_or_note([&] { read_complaints(top, k); });
  read_or_note([&] { read_preflight(top.section("preflight"), k); });
  read_or_note([&] { read_evidence(top.section("evidence"), k); });
  top.finish();
  return k;
}

}  // namespace

rule_knobs read_policy_file(const std::filesystem::path& file) {
  return read(toml_section::from_file(file));
}

rule_knobs parse_policy(std::string_view toml, const std::string& name) {
  return read(toml_section::from_text(toml, name));
}

}  // namespace consentry::policy
