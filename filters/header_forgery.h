// Structural checks of the header (RULES A6, H8): what makes a mail seem another's.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/finding.h"
#include "filters/pattern_file.h"
#include "smtp/mime/mime_walk.h"

namespace consentry::filters {

struct sender_facts {
  // Whether the tenant has proven that this domain (lower-case A-labels) is its own. Empty: it is
  // not known who sends (`consentry scan`), and ownership is not judged.
  std::function<bool(std::string_view ascii_domain)> is_verified;
};

struct header_report {
  std::vector<finding> findings;  // category H8, zone header, part "0"
  std::string from_address;       // as written; empty: none that can be used
  std::string from_domain;        // lower-case A-labels
};

// Findings: header.from_missing, .from_duplicate, .from_many, .from_syntax, .from_unverified, the
// same for sender and reply_to, .duplicate, .bare_control, .decoded_newline, .display_address,
// .display_domain, .display_brand, .domain_confusable, .domain_imitates, .subject_reply. Forgeries
// are conclusive.
header_report check_headers(const smtp::mime::walked_message& mail, const sender_facts& sender,
                            const std::vector<protected_brand>& brands);

}  // namespace consentry::filters
