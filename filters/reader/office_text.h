// Office documents: a ZIP of XML parts with a known file among them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/reader/archive_files.h"
#include "filters/reader/read_context.h"

namespace consentry::filters::reader {

// DOCX, XLSX, PPTX, ODT, ODS and their kin, by the files in them; not a ZIP of such documents.
bool is_office_package(const std::vector<archived_file>& files);

// The whole text of the document under path; embedded files go to nested(path, name, bytes).
// Encrypted, with macros, or of pictures only: refused.
void read_office_package(std::vector<archived_file>& files, const std::string& path,
                         read_context& context, const std::function<void(archived_file&)>& nested);

}  // namespace consentry::filters::reader
