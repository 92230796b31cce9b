#include "policy/rules/import_rule.h"

namespace consentry::policy::rules {

void suspect_import_rule(hearing& h) {
  const auto& f = h.facts();
  if (!f.suspect || f.stream != smtp::stream::bulk) return;
  h.used("import.hold_score");
  if (f.suspect->score <= h.knobs().import_hold_score) return;
  // Neither the score nor its reasons: they would tell one tenant about others' lists.
  h.hold("import.suspicious", "A2.5.3",
         "The list imported as " + f.suspect->import +
             " is being looked at by the abuse desk before campaigns go out (terms 5.3).");
}

}  // namespace consentry::policy::rules
