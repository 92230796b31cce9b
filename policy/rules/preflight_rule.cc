#include "policy/rules/preflight_rule.h"

#include <fmt/format.h>

#include "base/text.h"

namespace consentry::policy::rules {
namespace {

constexpr std::string_view rule_id = "B.9989";

// RFC 7372: more than one check fails, no DKIM signature would pass, or neither.
smtp::enhanced_code code_of(std::string_view failures) {
  const bool has_dkim = failures.find("dkim.") != std::string_view::npos;
  const bool has_dmarc = failures.find("dmarc.") != std::string_view::npos;
  if (has_dkim && has_dmarc) return {5, 7, 26};
  return has_dkim ? smtp::enhanced_code{5, 7, 20} : smtp::enhanced_code{5, 7, 1};
}

}  // namespace

void preflight_rule(hearing& h) {
  using enum rule_knobs::preflight_act;
  const auto& f = h.facts();
  if (f.stream != smtp::stream::bulk || f.phase == phase::rcpt) return;
  if (!f.preflight || !f.preflight->is_failed()) return;
  h.used("preflight.action");
  h.date("preflight_at", f.preflight->checked_at);
  const auto domain = printable(f.sender_domain, 100);
  const auto failures = printable(f.preflight->failures, 200);
  auto text = fmt::format(
      "The DNS records of the sender domain {} are not in order ({}), so receivers cannot tell its "
      "mail from forgeries. See the records to publish: consentry domain preflight {}",
      domain, failures, domain);
  switch (h.knobs().preflight_action) {
    case off:
      return;
    case warn:
      h.tag("preflight");
      return;
    case hold:
      // What a person released is not held again.
      if (!h.is_attempt()) h.hold(preflight_reason, rule_id, std::move(text));
      return;
    case refuse:
      if (h.is_attempt()) {
        h.defer(preflight_reason, rule_id, std::move(text));
      } else {
        h.say(decision::refuse, preflight_reason, rule_id, std::move(text), code_of(failures));
      }
      return;
  }
}

}  // namespace consentry::policy::rules
