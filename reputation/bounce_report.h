// Bounces as mail: delivery status notifications (RFC 3464, also within RFC 6533) and what systems
// without them write in their own words. Reads only; what follows is decided elsewhere (RULES 5.4).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smtp/bounce_rules.h"
#include "smtp/mime/mime_walk.h"
#include "smtp/reply.h"

namespace consentry::reputation {

struct bounced_recipient {
  std::string address;  // as written, without <>; empty: the mail does not name it
  // What the last system said: code 0 and enhanced none where it said neither.
  smtp::reply said;
  std::string remote_host;  // that said it; may be empty
  std::string words;        // what the mail tells people about it, as one line; at most 4 KiB
  bool is_delayed = false;  // the reporting system goes on trying
  bool at_rcpt = false;     // the mail says that this was the answer to RCPT
};

struct parsed_bounce {
  std::vector<bounced_recipient> recipients;  // at most 100; empty: the mail is no bounce
  bool is_machine_readable = false;           // RFC 3464, not free text
};

// Deliveries that succeeded, auto-replies, complaint reports and mail of people give none. Takes LF
// or CRLF; reads at most 1 MiB of a text. Any thread; never throws for bad input.
parsed_bounce parse_bounce(std::string_view message);
parsed_bounce parse_bounce(const smtp::mime::walked_message& message);

// What became of one recipient. A system that gave up has the last word, also after 4xx replies.
smtp::bounce_verdict classify(const bounced_recipient& r, const smtp::bounce_rules& rules);

}  // namespace consentry::reputation
