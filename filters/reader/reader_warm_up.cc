#include "filters/reader/reader_warm_up.h"

#include <string>
#include <string_view>

#include "filters/reader/archive_files.h"
#include "filters/reader/file_text.h"
#include "filters/reader/pdf_text.h"
#include "smtp/mime/header_text.h"

namespace consentry::filters::reader {
namespace {

// One page that says "x" in a font of the reader's own.
constexpr std::string_view small_pdf =
    "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R"
    "/Resources<</Font<</F 5 0 R>>>>>>endobj\n"
    "4 0 obj<</Length 30>>stream\nBT /F 9 Tf 9 9 Td (x) Tj ET    \nendstream endobj\n"
    "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
    "trailer<</Root 1 0 R>>\n%%EOF\n";

}  // namespace

void warm_up() {
  prepare_pdf();
  prepare_archives();
  read_file({.type = "application/pdf", .name = "", .bytes = std::string{small_pdf}, .limits = {}});
  for (const char* name : {"windows-1250", "windows-1252", "iso-8859-2", "ibm-852", "utf-16le",
                           "utf-16be", "utf-32le", "gb18030", "shift_jis"}) {
    std::string label = name;
    smtp::mime::to_utf8("\xE9x", label);
  }
}

}  // namespace consentry::filters::reader
