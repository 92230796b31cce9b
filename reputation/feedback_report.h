// Complaints as mail: the Abuse Reporting Format (RFC 5965, with the fields of RFC 6591 and 6430)
// and what large providers send instead of it. Reads only; who is believed, and what counts, is
// decided elsewhere (RULES C).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reputation/token_search.h"
#include "smtp/mime/mime_walk.h"

namespace consentry::reputation {

struct feedback_report {
  // Feedback-Type in lower case: abuse, fraud, virus, not-spam, auth-failure, opt-out, other, or
  // whatever was written. "other" where none was.
  std::string type;
  std::string version;  // "0.1" and "1" are both seen
  std::string user_agent;
  std::string original_mail_from;             // without <>
  std::vector<std::string> original_rcpt_to;  // without <>
  std::string arrival_date;                   // as written
  std::string source_ip;                      // without comment
  std::uint64_t incidents = 1;                // as told; a report counts once all the same (C3)
  std::vector<std::string> reported_domain;
  std::vector<std::string> reported_uri;
  std::string reporting_mta;
  std::vector<std::string> authentication_results;
  std::vector<std::pair<std::string, std::string>> other_fields;  // names lower case

  // Header fields of the mail that is complained about, as far as the report holds them.
  std::vector<smtp::mime::header_field> original_headers;
  // Distinct; from every place of the report and the original mail where a token may survive
  // redaction (C1). At most 64.
  token_candidates tokens;

  // First field of the original mail of that name (any case), decoded; "" if there is none.
  std::string original_header(std::string_view name) const;
};

// Types that count as a complaint (RULES C3): abuse, fraud, virus.
bool is_complaint(std::string_view type) noexcept;

struct parsed_feedback {
  std::vector<feedback_report> reports;  // at most 100, in the order of the mail
  std::vector<std::string> problems;     // what was missing or odd; not an error
};

// Mail that is no report gives no reports. Besides ARF it knows Microsoft's old JMRP form (the
// complained mail attached, no machine-readable part) and Apple Mail's machine-made unsubscribe
// mails (opt-out). Takes LF or CRLF. Any thread; never throws for bad input.
parsed_feedback parse_feedback(std::string_view message);
// The same for a message already taken apart.
parsed_feedback parse_feedback(const smtp::mime::walked_message& message);

}  // namespace consentry::reputation
