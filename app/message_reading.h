// A submitted message as the judge sees it: decoded, scanned, its header checked. CPU work for a
// worker thread.
#pragma once

#include <string>
#include <string_view>

#include "app/campaign_source.h"
#include "base/result.h"
#include "filters/finding.h"
#include "filters/message_texts.h"
#include "filters/pattern_database.h"
#include "policy/policy_set.h"
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

// How much of attachments the policy has read, by that reader.
filters::attachment_access access_to_attachments(const filters::attachment_reader* reader,
                                                 const policy::rule_knobs& knobs);

// Without access, attachments that are no text make the message unscannable.
// invalid: a header field of ours that does not read. Never throws for bad input.
result<message_reading> read_message(std::string_view data,
                                     const filters::pattern_database& patterns,
                                     const sender_view& sender,
                                     const filters::attachment_access& attachments = {});

}  // namespace consentry::app
