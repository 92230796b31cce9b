// The trace field that a gateway puts on top of every message it takes (RFC 5321 section 4.4).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "smtp/envelope.h"
#include "smtp/server/gatekeeper.h"

namespace consentry::smtp::server {

// "SMTP", "ESMTPSA", "UTF8SMTPS"...: RFC 3848, RFC 6531 section 4.3.
std::string with_keyword(const session_info& session, const envelope& e);

// The whole folded field with its CRLF. No "for" clause: it would tell one recipient of the others
// (RFC 5321 section 7.2).
std::string received_field(const session_info& session, const envelope& e,
                           std::string_view our_name, std::string_view message_id_text, instant at);

// How many trace fields the header holds: how many hosts the message has passed.
std::size_t received_count(std::string_view message);

}  // namespace consentry::smtp::server
