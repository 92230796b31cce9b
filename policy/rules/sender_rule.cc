#include "policy/rules/sender_rule.h"

#include <fmt/format.h>

#include "base/text.h"

namespace consentry::policy::rules {

void sender_domain_rule(hearing& h) {
  const auto& f = h.facts();
  const auto domain = printable(f.sender_domain, 100);
  switch (f.domain_status) {
    case sender_domain_status::verified:
      return;
    case sender_domain_status::unknown:
      // At RCPT the From field is still to come; before an attempt it was judged already.
      if (f.phase != phase::message) return;
      h.refuse("sender.domain_missing", "H8",
               "The message has no single, valid From address, so its sender cannot be checked.");
      return;
    case sender_domain_status::unverified:
      h.refuse("sender.domain_unverified", "A2.1",
               fmt::format("The sender domain {} is not verified yet: publish its DNS token first.",
                           domain));
      return;
    case sender_domain_status::foreign:
      h.refuse("sender.domain_foreign", "H8",
               fmt::format("The sender domain {} does not belong to this account.", domain));
      return;
  }
}

}  // namespace consentry::policy::rules
