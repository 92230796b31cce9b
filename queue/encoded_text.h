// Text as it may stand in a header: encoded words and extended parameters.
#pragma once

#include <string>
#include <string_view>

namespace consentry::queue {

// Valid UTF-8 as encoded words, separated by single spaces, none longer than 64 octets, no
// character cut in two; fit for phrases and comments too (RFC 2047 sections 2 and 5).
std::string encoded_words(std::string_view text);

// "name*=utf-8''..", or "name*0*=utf-8''..; name*1*=.." where it is long (RFC 2231), each piece at
// most 72 octets for names up to 30.
std::string extended_parameter(std::string_view name, std::string_view text);

// A field folded at white space where a line would pass 76 octets; unfolded before. CRLF at its
// end.
std::string folded(std::string_view field);

}  // namespace consentry::queue
