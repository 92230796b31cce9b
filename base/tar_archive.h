// Plain archives of a few files (POSIX ustar), the same bytes for the same files: the one door to
// libarchive outside of the reader of attachments.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace consentry {

struct archived_file {
  std::string name;  // ASCII, relative
  std::string bytes;
};

// In the order given; owner, mode and time are always the same.
std::string make_tar(const std::vector<archived_file>& files);

// Only what make_tar makes: plain files with names of letters, digits and "._-/". invalid: anything
// else; limit: more than files_max or bytes_max.
result<std::vector<archived_file>> read_tar(std::string_view archive, std::size_t files_max = 1000,
                                            std::uint64_t bytes_max = 256u << 20);

}  // namespace consentry
