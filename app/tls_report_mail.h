// The mail that carries a TLS report (RFC 8460 section 5.3). Pure.
#pragma once

#include <string>

#include "smtp/address.h"
#include "smtp/security/tls_report.h"

namespace consentry::app {

// Header and body, CRLF, 7-bit. packed: the gzipped JSON.
std::string tls_report_mail(const smtp::security::report_head& head, const smtp::mailbox& from,
                            const smtp::mailbox& to, const std::string& submitter,
                            const std::string& packed, instant now);

// Of "mailto:" URIs the address; nullopt: not one we can write to.
std::optional<smtp::mailbox> mailto_address(std::string_view uri);

}  // namespace consentry::app
