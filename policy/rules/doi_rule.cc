#include "policy/rules/doi_rule.h"

#include <fmt/format.h>

namespace consentry::policy::rules {
namespace {

constexpr std::string_view rule_id = "A2.5.3";

}  // namespace

void doi_rule(hearing& h) {
  const auto& f = h.facts();
  if (f.stream != smtp::stream::doi) return;
  if (f.recipient_count > 1)
    h.say(decision::refuse, "doi.recipients", rule_id,
          "A double opt-in message goes to one recipient only.", {5, 5, 3});
  if (f.topic.empty()) {
    // At RCPT it may still come with the header (RULES A1.3).
    if (f.phase != phase::rcpt)
      h.refuse("doi.topic_missing", rule_id,
               "The message names no topic, so no sign-up can be matched to it: set "
               "X-Consentry-Topic, or bind a topic to the credential.");
    return;
  }
  if (!f.sign_up || !f.sign_up->is_open(f.now)) {
    if (f.sign_up) h.date("signed_up_at", f.sign_up->at);
    h.refuse(
        "doi.no_sign_up", rule_id,
        fmt::format("No sign-up of this recipient to topic \"{}\" was recorded within the last "
                    "24 hours (terms 5.3): tell of it through the API first.",
                    f.topic));
    return;
  }
  h.date("signed_up_at", f.sign_up->at);
  if (f.sign_up->is_mailed)
    h.refuse("doi.repeated", rule_id,
             "This recipient got a confirmation for this topic within the last 24 hours; one is "
             "enough (terms 5.3).");
  if (f.phase == phase::message && !f.is_doi_template_approved)
    h.refuse("doi.template", rule_id,
             "The text of this confirmation is not approved. A person of the operator's reads it "
             "once: consentry doi-template approve (terms 5.3: no advertising).");
}

}  // namespace consentry::policy::rules
