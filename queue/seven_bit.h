// 8-bit bodies made 7-bit before they are signed: a relay without 8BITMIME would convert them and
// break the signature (RFC 6376 section 5.3, RFC 6152 section 3).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace consentry::queue {

// The whole message with every 8-bit leaf in quoted-printable (text) or base64. nullopt where that
// would change what the sender made: inside multipart/signed, in preambles, in headers of enclosed
// messages, in wrongly labelled or too deeply nested parts; headers of parts are converted as
// to_seven_bit_header does. Then the next hop needs 8BITMIME. The message's own
// header is left as it is, 8-bit or not, but for Content-Transfer-Encoding.
std::optional<std::string> to_seven_bit(std::string_view message);

std::string quoted_printable(std::string_view text);  // RFC 2045 section 6.7, for CRLF text

}  // namespace consentry::queue
