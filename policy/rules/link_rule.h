// Links to listed domains and to shorteners (RULES A6; docs/decisions/url-lists.md).
#pragma once

#include "policy/rule.h"

namespace consentry::policy::rules {

inline constexpr std::string_view blocklist_category = "url_blocklist";
inline constexpr std::string_view shortener_category = "url_shortener";

void link_rule(hearing& h);

// What shorteners add to the score of H8.
double shortener_points(const rule_knobs& k, const filters::scan_result& scan);

}  // namespace consentry::policy::rules
