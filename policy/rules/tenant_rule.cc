#include "policy/rules/tenant_rule.h"

#include "policy/tenants/tenant.h"

namespace consentry::policy::rules {

void tenant_state_rule(hearing& h) {
  const auto& f = h.facts();
  const auto allowed = tenants::permits(f.tenant_state, f.stream, h.knobs().overdue);
  if (f.tenant_state == tenants::tenant_state::overdue) h.used("overdue.allow");
  if (allowed.allowed) return;
  // Mail taken in better days waits until the state is cleared; only the end of the contract is
  // final.
  if (h.is_attempt() && f.tenant_state != tenants::tenant_state::terminated) {
    h.hold(allowed.reason, allowed.rule, std::string{allowed.text});
  } else {
    h.refuse(allowed.reason, allowed.rule, std::string{allowed.text});
  }
}

void bulk_block_rule(hearing& h) {
  const auto& f = h.facts();
  if (!f.is_bulk_blocked || f.stream != smtp::stream::bulk) return;
  const std::string text =
      "Mass mailing of this account is blocked because too many recipients complained (terms 5.2). "
      "Other mail still passes. Please contact the abuse desk.";
  // block.queue=hold: what was accepted before the block waits for a person (RULES A5).
  if (h.is_attempt()) {
    h.hold("tenant.bulk_blocked", "A5", text);
  } else {
    h.refuse("tenant.bulk_blocked", "A5", text);
  }
}

}  // namespace consentry::policy::rules
