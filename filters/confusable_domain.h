// Domains that look like others (RULES A6 H8, UTS 39).
#pragma once

#include <string>
#include <string_view>

namespace consentry::filters {

// "xn--80ak6aa92e.com" (Cyrillic letters that look like apple): scripts mixed in a label, or a
// label of another script made of look-alikes of Latin letters only. Any thread.
bool is_confusable_domain(std::string_view domain);

// What the domain looks like: two domains of one skeleton cannot be told apart ("paypa1.com" and
// "paypal.com"). UTS 39 section 4, of the U-labels, lower case; no domain itself. Any thread.
std::string domain_skeleton(std::string_view domain);

}  // namespace consentry::filters
