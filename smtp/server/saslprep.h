// RFC 4013: user names and passwords in one form, however they were typed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace consentry::smtp::server {

// nullopt: not UTF-8, or it holds what the profile prohibits (control characters, mixed
// directions).
std::optional<std::string> saslprep(std::string_view text);

}  // namespace consentry::smtp::server
