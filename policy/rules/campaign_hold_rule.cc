#include "policy/rules/campaign_hold_rule.h"

#include <fmt/format.h>

namespace consentry::policy::rules {

void campaign_hold_rule(hearing& h) {
  const auto& f = h.facts();
  if (!f.campaign_hold || !h.is_advertising()) return;
  const auto& held = *f.campaign_hold;
  const auto reason = reason_of(held.cause);
  h.date("campaign_held_since", held.since);
  switch (held.cause) {
    case campaign_hold_cause::unproven:
      h.used("campaign.max_unproven");
      h.hold(reason, "A2.5.2",
             fmt::format("The campaign waits for a person: {} of {} recipients had no proven "
                         "consent (terms 5.2).",
                         held.part, held.whole));
      return;
    case campaign_hold_cause::bounces:
      h.used("bounce.hold_campaign");
      h.hold(reason, "A2.5.4",
             fmt::format("The campaign waits for a person: {} of {} addresses do not exist "
                         "(terms 5.4).",
                         held.part, held.whole));
      return;
    case campaign_hold_cause::traps:
      h.used("watch.traps_hold");
      h.hold(reason, "E4",
             fmt::format("The campaign waits for a person: {} of {} recipients are spam traps "
                         "(terms 5.3).",
                         held.part, held.whole));
      return;
    case campaign_hold_cause::unsubscribes:
      h.used("watch.unsubscribes_hold");
      h.hold(reason, "E4",
             fmt::format("The campaign waits for a person: {} of {} recipients unsubscribed.",
                         held.part, held.whole));
      return;
    case campaign_hold_cause::volume:
      h.used("watch.volume_hold");
      h.hold(reason, "E4",
             fmt::format("The campaign waits for a person: {} recipients, where the busiest day "
                         "before had {}.",
                         held.part, held.whole));
      return;
    case campaign_hold_cause::person:
      h.hold(reason, "E4", "The campaign was put on hold by a person; please contact the desk.");
      return;
  }
}

}  // namespace consentry::policy::rules
