// What a PDF document shows (ISO 32000). The one door to poppler: the most fragile of all readers,
// only ever called in the confined process.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "filters/reader/read_context.h"

namespace consentry::filters::reader {

// Loads what poppler reads from files: before the process is confined.
void prepare_pdf();

// Adds pages, links, notes, form fields and bookmarks as a text under path; embedded files go to
// nested. Encrypted, broken, or mostly of pages without text: refused. Throws reading_stopped.
void read_pdf(std::string_view bytes, const std::string& path, read_context& context,
              const std::function<void(std::string name, std::string bytes)>& nested);

}  // namespace consentry::filters::reader
