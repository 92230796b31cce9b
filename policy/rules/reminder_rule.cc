#include "policy/rules/reminder_rule.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace consentry::policy::rules {

namespace {

const std::string category = "reminder";

bool has_earlier_mail(const hearing& h) {
  const auto& c = *h.facts().consent;
  return c.first_delivery || (h.knobs().renewal_accept_declared && c.declared_delivery_day);
}

}  // namespace

void reminder_rule(hearing& h) {
  const auto& f = h.facts();
  if (f.phase != phase::message || !h.is_advertising() || !f.scan) return;
  if (!f.consent || !f.consent->given_at || f.consent->is_withdrawn()) return;
  if (has_earlier_mail(h)) return;
  const auto& c = *f.consent;
  auto basis = budapest_day(*c.given_at);
  if (c.purchase_day) basis = std::max(basis, *c.purchase_day);
  const auto last_without = add_months(basis, h.knobs().reminder_after_months);
  if (budapest_day(f.now) <= last_without) return;
  h.used("reminder.after_months");
  h.used("renewal.accept_declared");
  h.date("reminder_after", last_without);
  const bool has_reason = f.scan->scores.contains(category);
  if (has_reason && f.scan->shows_sender_name) {
    for (const auto& finding : f.scan->findings)
      if (finding.category == category) h.match(finding);
    return;
  }
  h.used("reminder.action");
  const auto name = printable(f.sender_identity, 80);
  const auto text = fmt::format(
      "This is the first mailing to a recipient who signed up on {}, more than {} months ago: its "
      "text must {}name the sender, \"{}\" (terms 5.4).",
      consentry::to_string(basis), h.knobs().reminder_after_months,
      has_reason ? "" : "say why it comes, as in \"because you signed up\", and ", name);
  if (h.knobs().reminder_refuse) {
    h.refuse("reminder.missing", "A2.5.4", text);
  } else {
    h.hold("reminder.missing", "A2.5.4", text);
  }
}

}  // namespace consentry::policy::rules
