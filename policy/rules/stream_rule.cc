#include "policy/rules/stream_rule.h"

namespace consentry::policy::rules {

void campaign_rule(hearing& h) {
  const auto& f = h.facts();
  // At RCPT both may still come with the header (RULES A1.3).
  if (!h.is_advertising() || f.phase == phase::rcpt) return;
  if (f.topic.empty())
    h.refuse("campaign.topic_missing", "A1.2",
             "The mailing has no topic, so no consent can be matched to it: set "
             "X-Consentry-Topic, or bind a topic to the credential.");
  if (f.campaign.empty())
    h.refuse("campaign.missing", "A1.2",
             "The mailing names no campaign: set X-Consentry-Campaign, or bind one to the "
             "credential.");
}

// FIXED: no knob moves these. What only may be a request is for a person to see.
void permission_request_rule(hearing& h) {
  constexpr std::string_view category = "permission_request";
  constexpr double surely = 10, perhaps = 5;
  const auto& f = h.facts();
  if (f.stream == smtp::stream::doi) return;
  double score = 0;
  if (f.phase == phase::message && f.scan) {
    const auto found = f.scan->scores.find(std::string{category});
    if (found != f.scan->scores.end()) score = found->second;
  }
  if (!f.is_permission_request && score < perhaps) return;
  if (score > 0)
    for (const auto& finding : f.scan->findings)
      if (finding.category == category) h.match(finding);
  if (f.is_permission_request || score >= surely) {
    h.refuse("campaign.permission_request", "A2.5.1",
             "Mail that asks for permission to send mail is itself unsolicited (terms 5.1). "
             "Collect consent on a sign-up form.");
  } else {
    h.hold("campaign.permission_request", "A2.5.1",
           "The message seems to ask for permission to send mail, which is itself unsolicited "
           "(terms 5.1); it waits until a person has looked at it.");
  }
}

}  // namespace consentry::policy::rules
