// Files in the midst of a text, as mail from before MIME carries them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::filters::reader {

struct uu_file {
  std::string name;
  std::string bytes;
  std::string problem;  // why it may not be all that a recipient sees; empty: it is
};

// Every uuencoded block. Decodes at most octets_max of all together, and at most a hundred.
std::vector<uu_file> uu_files(std::string_view text, std::size_t octets_max);

}  // namespace consentry::filters::reader
