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

void permission_request_rule(hearing& h) {
  const auto& f = h.facts();
  if (!f.is_permission_request || f.stream == smtp::stream::doi) return;
  h.refuse("campaign.permission_request", "A2.5.1",
           "Mail that asks for permission to send mail is itself unsolicited (terms 5.1). Collect "
           "consent on a sign-up form.");
}

}  // namespace consentry::policy::rules
