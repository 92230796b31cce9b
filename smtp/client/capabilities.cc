#include "smtp/client/capabilities.h"

#include <charconv>

#include "base/text.h"

namespace consentry::smtp::client {

capabilities parse_capabilities(const reply& r) {
  capabilities c;
  c.esmtp = true;
  const auto lines = split(r.text, '\n');
  for (std::size_t i = 1; i < lines.size(); ++i) {  // the first is the greeting
    const auto line = trim(lines[i]);
    const auto keyword = ascii_lower(line.substr(0, line.find(' ')));
    if (keyword == "pipelining") c.pipelining = true;
    if (keyword == "chunking") c.chunking = true;
    if (keyword == "8bitmime") c.eight_bit_mime = true;
    if (keyword == "smtputf8") c.smtputf8 = true;
    if (keyword == "starttls") c.starttls = true;
    if (keyword == "dsn") c.dsn = true;
    if (keyword == "requiretls") c.require_tls = true;
    if (keyword == "enhancedstatuscodes") c.enhanced_status_codes = true;
    if (keyword == "size") {
      c.size = true;
      const auto number = trim(line.substr(4));
      std::uint64_t n = 0;
      const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), n);
      // 0 says "no fixed limit" (RFC 1870 section 3).
      if (error == std::errc{} && end == number.data() + number.size() && n > 0) c.size_max = n;
    }
  }
  return c;
}

}  // namespace consentry::smtp::client
