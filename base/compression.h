// Packs texts that are kept for a while. The one door to zlib.
#pragma once

#include <string>
#include <string_view>

namespace consentry {

// zlib's format (RFC 1950), the quickest level. Never fails for what fits into memory.
std::string packed(std::string_view text);
// Throws decode_error: not packed so, cut off, or more than `bytes_max`.
std::string unpacked(std::string_view bytes, std::size_t bytes_max);

// A gzip file (RFC 1952).
std::string gzipped(std::string_view text);

}  // namespace consentry
