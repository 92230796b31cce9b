// The text in the XML of documents: Office Open XML (ECMA-376) and OpenDocument (ISO 26300). Not
// tied to their tables of elements: what is not known is read, so that nothing is left out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace consentry::filters::reader {

struct markup_text {
  std::string text;                  // UTF-8; runs joined, paragraphs and cells apart
  std::string problem;               // why it could not be read to its end
  std::size_t letters = 0;           // and digits, of what stands in elements
  std::string root;                  // name of the first element
  bool is_encrypted = false;         // OpenDocument manifest with encryption-data
  std::vector<std::string> strings;  // of a table of shared strings (root sst)
};

// shared: what cells of type s refer to. More than octets_max of text: a problem. used marks the
// shared strings that a cell shows.
markup_text text_of_markup(std::string_view xml, std::size_t octets_max,
                           const std::vector<std::string>& shared = {},
                           std::vector<bool>* used = nullptr);

}  // namespace consentry::filters::reader
