// Bounces in words: what people are told of a failed delivery, by systems that know no RFC 3464 and
// beside it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smtp/reply.h"

namespace consentry::reputation {

// The code and the enhanced code that a text quotes, and what follows them; code 0 and none where
// it quotes none. text: what stands behind the first of them, all of it else.
smtp::reply quoted_reply(std::string_view text);

// Something like an address: at least one sign before the "@" and a dot behind it.
std::vector<std::string> addresses_in(std::string_view text);

// The words above the returned mail: at most 64 KiB.
std::string_view words_above_original(std::string_view text);

// What is said under each recipient: lines that begin with an address begin a paragraph about it.
struct told_recipient {
  std::string address;
  std::string words;  // lines joined with blanks
};
std::vector<told_recipient> told_recipients(std::string_view words);

// Whether the reply that is told of answered RCPT.
bool speaks_of_rcpt(std::string_view words) noexcept;

// "Undeliverable", "failure notice": whether a subject, or a text, tells of a failed delivery.
bool is_bounce_subject(std::string_view decoded) noexcept;
bool tells_of_failure(std::string_view words) noexcept;
// ... of one that is still tried.
bool tells_of_delay(std::string_view subject, std::string_view words) noexcept;

}  // namespace consentry::reputation
