// Files for the tests of the reader, made octet by octet: ZIP, office documents, PDF.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace consentry::tests {

struct zip_entry {
  std::string name;
  std::string bytes;
  bool is_encrypted = false;  // the flag only
};

std::string zip(const std::vector<zip_entry>& entries);
std::string gzip(std::string_view bytes);

std::string docx(std::string_view body_xml, std::vector<zip_entry> more = {});
// One paragraph, in runs of a few letters.
std::string docx_saying(std::string_view text);
std::string xlsx(std::string_view shared_strings_xml, std::string_view sheet_xml);
std::string odf(std::string_view kind, std::string_view text_xml);

// A document of the objects 1, 2, ..; object 1 is the catalog.
std::string pdf(const std::vector<std::string>& objects, std::string_view trailer = "");
std::string pdf_stream(std::string_view data, std::string_view dictionary = "");
// One page; text in windows-1250, ő and ű by a difference of the encoding.
std::string pdf_saying(std::string_view text_1250, std::string_view catalog_more = "",
                       std::string_view page_more = "", std::vector<std::string> more = {});

}  // namespace consentry::tests
