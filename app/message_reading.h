// A submitted message as the judge sees it: decoded, scanned, its header checked. CPU work for a
// worker thread.
#pragma once

#include <string>
#include <string_view>

#include "app/campaign_source.h"
#include "base/result.h"
#include "filters/finding.h"
#include "filters/pattern_database.h"
#include "policy/tenants/tenant_directory.h"
#include "smtp/mime/mime_walk.h"

namespace consentry::app {

struct message_reading {
  smtp::mime::walked_message mail;
  filters::scan_result scan;           // structural findings (H8) among them
  std::string from_domain;             // A-labels; empty: the From field has no usable address
  campaign_name names;                 // from X-Consentry-Campaign and X-Consentry-Topic
  bool is_permission_request = false;  // X-Consentry-Purpose: permission-request (RULES 5.1)
  std::string doi_template;            // template_hash(), of the stream doi only
};

// Who sends, for the checks of header identities; nullptr offline (`consentry scan`): ownership is
// then not judged.
struct sender_view {
  const policy::tenants::tenant_directory* directory = nullptr;
  tenant_id tenant;
};

// invalid: a header field of ours that does not read. Never throws for bad input.
result<message_reading> read_message(std::string_view data,
                                     const filters::pattern_database& patterns,
                                     const sender_view& sender);

}  // namespace consentry::app
