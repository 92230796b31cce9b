// What a server offers in its answer to EHLO (RFC 5321 section 4.1.1.1).
#pragma once

#include <cstdint>
#include <optional>

#include "smtp/reply.h"

namespace consentry::smtp::client {

struct capabilities {
  bool esmtp = false;                     // EHLO was taken
  bool pipelining = false;                // RFC 2920
  bool chunking = false;                  // RFC 3030; BINARYMIME is not used
  bool eight_bit_mime = false;            // RFC 6152
  bool smtputf8 = false;                  // RFC 6531
  bool starttls = false;                  // RFC 3207
  bool dsn = false;                       // RFC 3461
  bool require_tls = false;               // RFC 8689
  bool enhanced_status_codes = false;     // RFC 2034
  bool size = false;                      // RFC 1870
  std::optional<std::uint64_t> size_max;  // none: not told
};

// r: a positive answer to EHLO. Unknown keywords are passed over.
capabilities parse_capabilities(const reply& r);

}  // namespace consentry::smtp::client
