// Header fields with 8-bit text made 7-bit before they are signed, so that a copy can go to hosts
// without SMTPUTF8 (RFC 6531 section 3.6 forbids to send them there as they are).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace consentry::queue {

// The fields (CRLF ends) with 8-bit text in encoded words (RFC 2047: unstructured fields, display
// names, comments) and extended parameters (RFC 2231), domains of addresses as A-labels; fields
// without stay as they are. What a reader shows stays the same. Lines are folded at 76 where there
// is a place, never longer than 998. nullopt where something has no 7-bit form: a local part, a
// field of another syntax, 8-bit text inside or beside an encoded word. charset_hint: of the body,
// for text that is not UTF-8; what it is read as is how the filters read it.
std::optional<std::string> to_seven_bit_header(std::string_view header,
                                               std::string_view charset_hint = {});

}  // namespace consentry::queue
