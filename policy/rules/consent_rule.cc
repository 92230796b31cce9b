#include "policy/rules/consent_rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace consentry::policy::rules {

namespace {

using consent::consent_record;
using consent::tick_state;

// RULES A3: clocks differ by this much at most.
constexpr std::chrono::minutes future_tolerance{5};

// RULES 5.2.1, D3, A4: taken back, or never there.
bool refuse_absent(hearing& h) {
  const auto& f = h.facts();
  if (!f.consent || (!f.consent->given_at && !f.consent->withdrawn_at)) {
    h.refuse("consent.missing", "A2.5.1",
             fmt::format("There is no consent of this recipient to topic \"{}\". Without it no "
                         "advertising may be sent (terms 5.1).",
                         f.topic));
    return true;
  }
  const auto& c = *f.consent;
  if (c.is_withdrawn()) {
    h.date("withdrawn_at", *c.withdrawn_at);
    h.refuse("consent.withdrawn", "A2.5.2.1",
             fmt::format("This recipient withdrew consent on {}. Only a newer consent restores it.",
                         consentry::to_string(budapest_day(*c.withdrawn_at))));
    return true;
  }
  const bool is_unticked =
      c.tick == tick_state::unticked ||
      (h.knobs().purchase_untick_withdraws && c.unticked_at && *c.unticked_at >= *c.given_at);
  if (c.unticked_at) h.used("purchase.untick_withdraws");
  if (is_unticked) {
    h.refuse("consent.unticked", "A4",
             "At the latest purchase this recipient left the consent box empty.");
    return true;
  }
  return false;
}

// RULES 5.1, 5.2, 5.3, D2: what was recorded is no proof of consent.
bool refuse_unproven(hearing& h) {
  const auto& c = *h.facts().consent;
  if (consent::is_forbidden_provenance(c.provenance)) {
    h.refuse("consent.provenance", "A2.5.1",
             "Consent from bought, rented, copied, harvested or other companies' lists does not "
             "count (terms 5.1, 5.3).");
    return true;
  }
  if (trim(c.method).empty() || (c.notice.hash.empty() && c.evidence_reference.empty())) {
    h.refuse("consent.unproven", "A2.5.2",
             "The consent of this recipient has no proof: the method, and the text agreed to or a "
             "reference to the evidence, must be on record (terms 5.2).");
    return true;
  }
  const auto day = c.purchase_day.value_or(budapest_day(*c.given_at));
  const bool was_preticked = c.tick == tick_state::preticked || c.box_came_ticked.value_or(false);
  if (was_preticked) h.used("purchase.preticked_valid_until");
  const bool is_preselected =
      was_preticked && (!c.purchase_day || day > h.knobs().purchase_preticked_valid_until);
  if (is_preselected || consent::is_implicit_method(c.method)) {
    h.refuse("consent.implicit", is_preselected ? "A4" : "A2.5.1",
             "A box that was ticked beforehand, or any other consent that was not expressed, does "
             "not count (terms 5.1, GDPR recital 32).");
    return true;
  }
  if (h.knobs().consent_require_doi && !c.confirmed_at) {
    h.used("consent.require_doi");
    h.refuse("consent.unconfirmed", "A2.5.3",
             "This recipient has not confirmed the sign-up (double opt-in).");
    return true;
  }
  return false;
}

// The same time of the clock on the last day, to the millisecond: clock changes move no consent.
instant same_time_on(civil_date day, instant given) {
  const auto clock_time = to_string_budapest(given).substr(10, 9);  // "T10:00:00"
  const auto below_second = given - std::chrono::floor<std::chrono::seconds>(given);
  return *parse_timestamp(consentry::to_string(day) + clock_time) + below_second;
}

// RULES A3: the last moment without renewal.
bool is_within_twelve_months(hearing& h, civil_date basis, civil_date last_day) {
  const auto& f = h.facts();
  h.used("consent.granularity");
  const auto send_day = budapest_day(f.now);
  if (h.knobs().consent_granularity == rule_knobs::granularity::day || send_day != last_day)
    return send_day <= last_day;
  // By the instant; of a purchase only the day is known.
  const auto given = *f.consent->given_at;
  return basis != budapest_day(given) || f.now <= same_time_on(last_day, given);
}

// RULES A3, A4: the delivery that renews, if there is one: within the twelve months of the consent
// or of the purchase, not objected to, old enough.
std::optional<civil_date> renewing_day(const hearing& h, civil_date consent_day) {
  const auto& f = h.facts();
  const auto& c = *f.consent;
  const auto& k = h.knobs();
  if (c.objected_at && *c.objected_at >= *c.given_at) return std::nullopt;
  const auto is_within = [](civil_date d, civil_date from) {
    return from <= d && d <= add_months(from, rule_knobs::consent_months);
  };
  const auto is_inside = [&](civil_date d) {
    return is_within(d, consent_day) || (c.purchase_day && is_within(d, *c.purchase_day));
  };
  // The first on or after the consent day: if that one came too late, so did all others, unless a
  // purchase opened the door again; then the last may lie within its months.
  const std::chrono::hours wait{k.renewal_objection_wait_h};
  for (const auto* mark : {&c.first_delivery, &c.last_delivery}) {
    if (!*mark) continue;
    const auto day = budapest_day((*mark)->at);
    if (is_inside(day) && (*mark)->at + wait <= f.now) return day;
  }
  if (k.renewal_accept_declared && c.declared_delivery_day && is_inside(*c.declared_delivery_day))
    return c.declared_delivery_day;
  return std::nullopt;
}

// renewal.max_silence_months [I]: 0 is the literal reading, one delivery renews for good.
bool is_silent_too_long(hearing& h, civil_date renewed_by) {
  const auto& f = h.facts();
  const auto& c = *f.consent;
  const int months = h.knobs().renewal_max_silence_months;
  h.used("renewal.max_silence_months");
  if (months == 0) return false;
  auto last = renewed_by;
  if (c.last_delivery) last = std::max(last, budapest_day(c.last_delivery->at));
  const auto until = add_months(last, months);
  h.date("silence_until", until);
  return budapest_day(f.now) > until;
}

// RULES D1: the last day that the person agreed to. It counts in Budapest, to its end; neither a
// mailing nor a purchase moves it, and no knob takes it from an attempt.
void judge_own_limit(hearing& h) {
  const auto& f = h.facts();
  if (!f.consent->expires_on) return;
  const auto last = *f.consent->expires_on;
  h.date("expires_on", last);
  if (budapest_day(f.now) <= last) return;
  h.refuse(
      "consent.expired", "D1",
      fmt::format("The consent of this recipient was given until {} and not longer. Only a new "
                  "consent of the recipient's own restores it.",
                  consentry::to_string(last)));
}

void judge_age(hearing& h) {
  const auto& f = h.facts();
  const auto& c = *f.consent;
  const auto consent_day = budapest_day(*c.given_at);
  // RULES A4: the newest purchase counts like the consent given with it.
  const auto basis = c.purchase_day ? std::max(consent_day, *c.purchase_day) : consent_day;
  const auto last_day = add_months(basis, rule_knobs::consent_months);
  h.date("consent_day", consent_day);
  if (c.purchase_day) h.date("purchase_day", *c.purchase_day);
  h.date("last_day", last_day);
  h.date("send_day", budapest_day(f.now));
  if (*c.given_at > f.now) {
    // RULES 5.1: not before it was given. A clock that runs ahead is right in a moment.
    if (*c.given_at > f.now + future_tolerance) {
      h.refuse("consent.future", "A3", "The consent of this recipient is dated in the future.");
    } else {
      h.defer("consent.future", "A3", "The consent of this recipient begins in a few minutes.");
    }
    return;
  }
  if (h.is_attempt()) {
    h.used("consent.check");
    if (!h.knobs().consent_check_attempt) return;
  }
  const bool is_fresh = is_within_twelve_months(h, basis, last_day);
  const auto renewed_by = renewing_day(h, consent_day);
  if (renewed_by) h.date("renewed_by", *renewed_by);
  if (c.objected_at) h.date("objected_at", *c.objected_at);
  if (is_fresh) return;
  for (std::string_view knob : {"renewal.accept_declared", "renewal.objection_wait_h"})
    h.used(knob);
  if (renewed_by && !is_silent_too_long(h, *renewed_by)) return;
  h.refuse("consent.expired", c.purchase_day ? "A4" : "A3",
           fmt::format("The consent of {} ended on {}: twelve months, {} (terms 5.2.1). Only a new "
                       "consent of the recipient's own restores it.",
                       consentry::to_string(basis), consentry::to_string(last_day),
                       renewed_by ? "and its renewal ended for lack of mailings"
                                  : "and no mailing delivered within them renewed it"));
}

}  // namespace

void consent_rule(hearing& h) {
  const auto& f = h.facts();
  if (!h.is_advertising()) return;
  // Without a topic nothing could be looked up; campaign_rule says so once it must be known. And
  // what a campaign asks is counted as its own, so it is asked when the campaign is known (RULES
  // A1.3, 5.2).
  if (f.topic.empty() || (f.phase == phase::rcpt && f.campaign.empty())) return;
  if (refuse_absent(h)) return;
  refuse_unproven(h);
  judge_own_limit(h);
  judge_age(h);
}

}  // namespace consentry::policy::rules
