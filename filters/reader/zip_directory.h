// The directory of a ZIP file, looked at before anything is unpacked: programs that trust another
// part of it would see other files (APPNOTE.TXT 6.3.10, section 4.3).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace consentry::filters::reader {

// Why the archive cannot be read so that every program sees the same in it: "is encrypted", "has
// entries that overlap". Empty: it can.
std::string distrust_zip(std::string_view bytes, std::size_t entries_max);

}  // namespace consentry::filters::reader
