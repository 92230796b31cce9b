// Where campaign and topic of a submission come from (RULES A1.2, A1.3): the envelope sender's
// sub-address, the credential, or the header. What is known before RCPT binds: a header that says
// otherwise is refused, never followed.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "smtp/address.h"

namespace consentry::app {

struct campaign_name {
  std::string campaign;
  std::string topic;
};

// "news+spring-2026=newsletter@example.hu": campaign spring-2026, topic newsletter.
// "news+spring-2026@": campaign only. Without "+": nothing. invalid: an empty or overlong name (64
// octets), or other characters than A-Z a-z 0-9 . _ -
result<campaign_name> from_sub_address(const smtp::mailbox& envelope_sender);

// A name from a header or from the command line, trimmed, under the same rules.
result<std::string> valid_name(std::string_view text);

// What is known first, completed by what comes later. invalid: they contradict.
result<campaign_name> join(const campaign_name& known, const campaign_name& later);

}  // namespace consentry::app
