// Header values: unfolding, RFC 2047 encoded words, RFC 2231 parameters, charsets.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace consentry::smtp::mime {

// Unfolds and decodes encoded words (adjacent ones joined, RFC 2047 section 6.2), also inside
// quoted strings, as mail programs do. Broken words stay as they are; charsets as to_utf8 reads
// them. The result is valid UTF-8; control characters that were encoded stay in it.
std::string decode_header(std::string_view raw);

// "text/plain; charset=\"utf-8\"; name*0*=..." gives {"text/plain", {charset: utf-8, name: ..}}.
// RFC 2231 continuations and charsets are joined and decoded; names lower case; the value lower
// case. Of two parameters of one name the first counts, an RFC 2231 one before a plain one.
std::pair<std::string, std::map<std::string, std::string>> parse_parameters(std::string_view raw);

// Bytes of the named charset as valid UTF-8. label is updated to what was used: unknown or wrong
// labels fall back to UTF-8 if the bytes are valid UTF-8, else windows-1250 for Hungarian mail
// (RULES F2). Any charset ICU knows.
std::string to_utf8(std::string_view bytes, std::string& label);

// One addr-spec in an address header (From, Sender, Reply-To; RFC 5322 section 3.4).
struct header_mailbox {
  std::string display_name;  // decoded
  std::string address;       // local@domain as written
};
// Groups are flattened. Comments and quoted strings are understood. ok is false when the field is
// not a valid address list (what could be read is still given).
std::vector<header_mailbox> parse_address_list(std::string_view raw, bool& ok);

}  // namespace consentry::smtp::mime
