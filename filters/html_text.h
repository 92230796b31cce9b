// What a reader sees of an HTML part, what is hidden from him, and where its links go.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/offset_map.h"

namespace consentry::filters {

// Bounds that keep the parser linear (docs/decisions/html-parser.md). Beyond them the part is
// unreadable: then texts are empty and `unreadable` says why.
struct html_limits {
  std::size_t bytes_max = 8u << 20;
  std::size_t tags_max =
      30'000;  // deep nesting costs their square; of a message: all its parts together
  // What the tree may take: unclosed elements that are opened again multiply it.
  std::size_t memory_base = 16u << 20;
  std::size_t memory_per_octet = 64;
  unsigned frames_deep_max = 3;  // documents in attributes (srcdoc) of one another
};

struct html_link {
  std::string target;     // href, src of frames, action; entities decoded
  std::string text;       // what the reader clicks on
  std::size_t begin = 0;  // of the attribute value, in the source
  std::size_t end = 0;
};

struct html_document {
  // Text in reading order; inline elements, comments and <wbr> join, blocks separate by a line
  // end; alt and title stand in it.
  mapped_text visible;
  // Set out of sight by display:none, visibility:hidden, opacity or sizes of nothing, text in the
  // colour of its background, moved off the page, or the hidden attribute.
  mapped_text hidden;
  // Ranges of the visible text whose letters are drawn from right to left (turned_text.h).
  std::vector<std::pair<std::size_t, std::size_t>> turned;
  std::vector<html_link> links;
  std::size_t images = 0;
  std::size_t tags = 0;  // read
  std::string unreadable;
};

// Never throws for bad input; scripts and styles are not text, but for the strings that a style
// sheet has shown and the data that mail programs show of a script (JSON-LD). Any thread. Orderly
// HTML is read without a tree (html_plain.h); to the same result as the other.
html_document read_html(std::string_view source, const html_limits& limits = {});
html_document read_html_as_tree(std::string_view source, const html_limits& limits = {});

}  // namespace consentry::filters
