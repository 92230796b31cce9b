// The text of an SPF record (RFC 7208): whether it is one, which of its terms are sound, and the
// record that lets our addresses through. Pure; nothing is looked up.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace consentry::smtp::auth {

// Section 4.5: "v=spf1" alone or before a space.
bool is_spf_record(std::string_view text) noexcept;
std::vector<std::string> spf_records_of(const std::vector<std::string>& texts);

// Section 12: a directive, or a modifier.
bool is_spf_term(std::string_view term) noexcept;

// The one record that may stand in the place of those `present` (sections 3.2 and 4.6), with the
// addresses let through before all else. One that is sound stays word for word behind them. Else
// the sound terms of all stay, each once, and the mildest end. Where something was unsound or none
// is present, nobody knows whom it meant, so the end disowns no one: ?all.
std::string spf_record_with(const std::vector<std::string>& addresses,
                            const std::vector<std::string>& present);

}  // namespace consentry::smtp::auth
