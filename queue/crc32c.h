// CRC-32C (Castagnoli), the checksum of spool records.
#pragma once

#include <cstdint>
#include <string_view>

namespace consentry::queue {

std::uint32_t crc32c(std::string_view bytes) noexcept;

// The same where the processor has no instruction for it.
std::uint32_t crc32c_by_tables(std::string_view bytes) noexcept;

}  // namespace consentry::queue
