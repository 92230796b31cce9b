// The relaxed canonical form of header and body (RFC 6376 sections 3.4.2 and 3.4.4). Line ends are
// CRLF; a bare CR or LF is an ordinary character.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::smtp::auth {

// "Subject : a\r\n  b \r\n" gives "subject:a b\r\n"; without the CRLF where the field has none at
// its end.
std::string relaxed_field(std::string_view field);
void append_relaxed_field(std::string& out, std::string_view field);

std::string relaxed_body(std::string_view body);
// In pieces of at most 16 KiB, so that a large body is not copied whole.
void relaxed_body(std::string_view body, const std::function<void(std::string_view)>& take);

// The fields of a header block, each with its continuation lines and the CRLF at its end. Lines
// before the first field are left out.
std::vector<std::string_view> split_fields(std::string_view header_block);
// "Subject" of "Subject : a"; "" if there is no colon.
std::string_view field_name(std::string_view field) noexcept;

}  // namespace consentry::smtp::auth
