// A hit in a text of one view, by its octets.
#pragma once

#include <cstddef>
#include <cstdint>

namespace consentry::filters {

// Whose hit it is: a pattern's index; or of what the pattern allows.
struct hit_owner {
  std::uint32_t pattern = 0;
  bool is_allow = false;
};

struct view_hit {
  hit_owner whose;
  std::size_t begin = 0;
  std::size_t end = 0;
};

}  // namespace consentry::filters
