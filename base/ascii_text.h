// Strangers' bytes where only ASCII may stand: in records, letters and terminals.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace consentry {

bool is_printable_ascii(std::string_view s) noexcept;  // 0x20 to 0x7e
// Every other byte as \xNN; cut at bytes_max with "...".
std::string printable_ascii(std::string_view s, std::size_t bytes_max = 200);

}  // namespace consentry
