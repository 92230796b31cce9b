#include "policy/rules/suppression_rule.h"

namespace consentry::policy::rules {

namespace {

// RULES 5.2.1, D3: newer consent restores what an unsubscribe took away, and nothing else.
bool is_restored(const evidence& f) {
  return f.suppression->cause == suppression_cause::unsubscribe && f.consent &&
         f.consent->given_at && *f.consent->given_at > f.suppression->since &&
         !f.consent->is_withdrawn();
}

}  // namespace

void suppression_rule(hearing& h) {
  const auto& f = h.facts();
  if (!f.suppression) return;
  h.date("suppressed_since", f.suppression->since);
  switch (f.suppression->cause) {
    case suppression_cause::bad_address:
      // Dead for every stream: trying again harms everybody's delivery (M3AAWG).
      h.say(decision::refuse, "suppressed.bad_address", "A2.5.4",
            "This address does not exist: earlier mail came back for good.", {5, 1, 1});
      return;
    case suppression_cause::complaint:
      // Answers to the person's own acts still pass; a sign-up could be somebody else's.
      if (f.stream == smtp::stream::transactional) return;
      h.refuse("suppressed.complaint", "C5",
               "This recipient reported earlier mail as spam and gets no more.");
      return;
    case suppression_cause::unsubscribe:
      if (!h.is_advertising() || is_restored(f)) return;
      h.refuse("suppressed.unsubscribed", "D3",
               "This recipient unsubscribed. Only a newer consent of their own restores it.");
      return;
    case suppression_cause::desk:
      if (f.stream == smtp::stream::transactional) return;
      h.refuse("suppressed.desk", "C5",
               "The abuse desk stopped mail to this recipient; please contact it.");
      return;
  }
}

}  // namespace consentry::policy::rules
