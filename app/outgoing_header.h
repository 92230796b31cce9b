// What the gateway takes out of a submitted header and puts on top of it, before the message is
// spooled. Works on the original bytes: fields that stay are not touched. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace consentry::app {

struct header_additions {
  std::string received;          // a whole field with CRLF
  std::string own_name;          // the gateway's host name: its authserv-id
  std::string message_id_right;  // domain for a missing Message-ID
  std::string message_id_left;
  instant now{};
};

struct rewritten_message {
  std::string data;  // header and body, CRLF
  std::vector<std::string>
      stripped;  // names of fields taken out that a client must not set (RULES A6 H8): to be logged
  std::string message_id;  // with angle brackets, as submitted or as added
};

// Taken out: X-Consentry-* (ours to read), and Return-Path, Authentication-Results in our name,
// ARC-*, Feedback-ID, CFBL-* and List-Unsubscribe-Post are not the client's to set; Bcc is never
// sent on (RFC 5322 section 3.6.3). List-Unsubscribe stays only where the gateway adds none:
// `keeps_list_unsubscribe`. Added: Received; Date and Message-ID where missing (RFC 6409 section
// 8).
rewritten_message rewrite_header(std::string_view data, const header_additions& add,
                                 bool keeps_list_unsubscribe);

// The value of the last field of that name, unfolded and trimmed; empty if there is none.
std::string header_value(std::string_view data, std::string_view name);

}  // namespace consentry::app
