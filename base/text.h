// Bytes and text without any knowledge of mail.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace consentry {

// ASCII only; other bytes stay.
std::string ascii_lower(std::string_view s);
bool ascii_iequals(std::string_view a, std::string_view b) noexcept;
bool ascii_istarts_with(std::string_view s, std::string_view prefix) noexcept;
// Removes spaces, tabs, CR and LF at both ends.
std::string_view trim(std::string_view s) noexcept;
// "a,b,,c" at ',' gives four pieces; an empty string gives one empty piece.
std::vector<std::string_view> split(std::string_view s, char separator);

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_valid_utf8(std::string_view s) noexcept;
bool is_ascii(std::string_view s) noexcept;
// Replaces each invalid sequence by U+FFFD.
std::string to_valid_utf8(std::string_view s);

std::string hex(std::string_view bytes);
std::optional<std::string> parse_hex(std::string_view text);

// RFC 4648 with padding. Decoding is strict: alphabet and padding must be right; nullopt otherwise.
std::string base64(std::string_view bytes);
std::optional<std::string> parse_base64(std::string_view text);

// RFC 4648 base 32 in lower case, no padding; decoding ignores case (mail systems change it).
std::string base32(std::string_view bytes);
std::optional<std::string> parse_base32(std::string_view text);

// For logs and one-line errors: control characters and invalid UTF-8 as \xNN, cut at bytes_max with
// "...".
std::string printable(std::string_view s, std::size_t bytes_max = 200);

// "12.3 MiB"
std::string human_bytes(std::uint64_t bytes);

}  // namespace consentry
