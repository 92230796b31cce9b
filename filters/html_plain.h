// Orderly HTML without a tree: what most newsletters are made of, several times faster.
#pragma once

#include <string_view>

#include "filters/html_reading.h"

namespace consentry::filters {

// Reads a document whose tree follows from its tags alone: html, head and body written out, every
// element closed by its own end tag, tables of rows of cells, nothing that the HTML standard moves,
// repairs or implies (but tbody). At the first other thing it gives up: false, and what `to` was
// told is void. Never throws for bad input; linear. Any thread.
bool read_plain_html(std::string_view source, html_reading& to);

}  // namespace consentry::filters
