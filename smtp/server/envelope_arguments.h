// MAIL FROM and RCPT TO: path and parameters (RFC 5321 section 4.1.1.2; RFC 1870, 3461, 4954, 6152,
// 6531). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "smtp/envelope.h"
#include "smtp/server/command.h"

namespace consentry::smtp::server {

// "FROM:<path> params". extended: after EHLO; else no parameter is taken. Fills all of an envelope
// but its recipients.
parsed<envelope> parse_mail(std::string_view argument, bool extended);

// "TO:<path> params". our_domain completes a bare <postmaster> (RFC 5321 section 4.5.1). smtputf8:
// MAIL said so.
parsed<envelope_recipient> parse_rcpt(std::string_view argument, bool extended, bool smtputf8,
                                      std::string_view our_domain);

// RFC 3461 section 4. nullopt: not xtext.
std::optional<std::string> decode_xtext(std::string_view text);

}  // namespace consentry::smtp::server
