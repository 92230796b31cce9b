// The text of an RTF document (Rich Text Format 1.9.1).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace consentry::filters::reader {

struct rtf_text {
  std::string text;     // UTF-8; hidden text, notes, comments, field instructions (links) too
  std::string problem;  // "holds an embedded object"
  bool has_pictures = false;
  std::size_t letters = 0;  // without notes, fields and what it says of itself
};

// Never throws for bad input; linear. Beyond octets_max of text: a problem.
rtf_text read_rtf(std::string_view bytes, std::size_t octets_max);

}  // namespace consentry::filters::reader
