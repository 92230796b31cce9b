// MAIL and RCPT with the parameters the server understands (RFC 5321, 1870, 3461, 6152, 6531).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "smtp/client/capabilities.h"
#include "smtp/envelope.h"

namespace consentry::smtp::client {

// The address as it may stand on the wire: without SMTPUTF8 its domain as A-labels; nullopt if its
// local part needs SMTPUTF8.
std::optional<std::string> wire_address(const mailbox& address, bool smtputf8);

// Whole lines with CRLF. The addresses must have a wire form.
std::string mail_command(const envelope& e, const capabilities& offers, std::uint64_t bytes);
std::string recipient_command(const envelope_recipient& r, const capabilities& offers);

// RFC 3461 section 4.
std::string xtext(std::string_view s);

}  // namespace consentry::smtp::client
