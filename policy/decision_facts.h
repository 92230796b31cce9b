// The evidence of a decision as stored bytes: what a judge may know, so that another policy can be
// asked the same question later (RULES E8). No address: of the person only the pseudonym, of the
// mail only which patterns were found and where, never what they matched.
//
//   message facts    what all recipients of a message share, with what its content was found to be
//   recipient facts  the rest: consent, suppression, sign-up
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/evidence.h"

namespace consentry::policy {

std::string encode_message_facts(const evidence& e);
std::string encode_recipient_facts(const evidence& e, std::string_view person);
// Whether both encode to the same message facts, of two recipients of one message that were
// gathered together: only what others may change meanwhile, or what differs by recipient, is
// compared.
bool share_message_facts(const evidence& a, const evidence& b) noexcept;

// The evidence again. Its texts are gone: the consent's proofs are there or not, findings have no
// place and no piece of the mail, the recipient is empty.
struct recalled_evidence {
  policy::evidence evidence;  // scan is not set: see scan below, and has_scan
  filters::scan_result scan;  // one finding per pattern
  bool has_scan = false;
  std::string person;  // pseudonym

  // The evidence with its scan; valid as long as this is.
  policy::evidence with_scan() const;
};

// Throws decode_error.
recalled_evidence recall(std::string_view message_facts, std::string_view recipient_facts);
// The pseudonym alone.
std::string_view person_in(std::string_view recipient_facts);

}  // namespace consentry::policy
