// Brings together what a judge must know about one recipient: the one place where tenants,
// consents, suppressions and standings meet. Reads of the store only.
#pragma once

#include <string>

#include "app/store_rooms.h"
#include "policy/evidence.h"

namespace consentry::app {

// What the question is about. Filled by intake and by the dispatch gate.
struct question {
  policy::phase phase = policy::phase::message;
  instant now{};
  tenant_id tenant;
  smtp::stream stream = smtp::stream::bulk;
  bool is_bulk_by_content = false;
  std::string campaign;
  std::string topic;
  std::string sender_domain;  // empty: not known yet
  bool is_permission_request = false;
  std::string recipient_key;  // smtp::mailbox::key(); the platform's suppressions go by it
  std::string person;  // the recipient's pseudonym where the address is known no more; empty: from
                       // recipient_key
  std::uint32_t recipient_count = 1;
  message_id message;        // 0: not accepted yet
  std::string doi_template;  // stream doi, phase message: template_hash() of the text
  const filters::scan_result* scan = nullptr;
};

// The identity that recipients gave their consent to (RULES A1.2): a tenant speaks under its legal
// name.
std::string sender_identity(const policy::tenants::tenant& t);

// Throws store_error and decode_error (use inside store_env::read). A tenant that is not there any
// more is judged as terminated.
policy::evidence gather(const store_rooms& rooms,
                        const policy::tenants::tenant_directory& directory, const read_txn& txn,
                        const question& q);

}  // namespace consentry::app
