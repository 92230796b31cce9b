#include "tests/unit/filters_reader/sample_files.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>

namespace consentry::tests {
namespace {

std::string le(std::uint64_t n, int octets) {
  std::string out;
  for (int i = 0; i < octets; ++i, n >>= 8) out += static_cast<char>(n);
  return out;
}

std::string deflated(std::string_view bytes, int window_bits) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, bytes.size()) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

}  // namespace

std::string zip(const std::vector<zip_entry>& entries) {
  std::string out;
  std::string directory;
  for (const auto& e : entries) {
    const auto packed = deflated(e.bytes, -15);
    const auto crc =
        crc32(0, reinterpret_cast<const Bytef*>(e.bytes.data()), static_cast<uInt>(e.bytes.size()));
    const unsigned flags = 0x800u | (e.is_encrypted ? 1u : 0u);
    const std::string middle = le(20, 2) + le(flags, 2) + le(8, 2) + le(0, 4) + le(crc, 4) +
                               le(packed.size(), 4) + le(e.bytes.size(), 4) + le(e.name.size(), 2) +
                               le(0, 2);
    directory += "PK\x01\x02" + le(20, 2) + middle + le(0, 2) + le(0, 2) + le(0, 2) + le(0, 4) +
                 le(out.size(), 4) + e.name;
    out += "PK\x03\x04" + middle + e.name + packed;
  }
  const auto begin = out.size();
  out += directory;
  return out + "PK\x05\x06" + le(0, 4) + le(entries.size(), 2) + le(entries.size(), 2) +
         le(directory.size(), 4) + le(begin, 4) + le(0, 2);
}

std::string gzip(std::string_view bytes) {
  return deflated(bytes, 15 + 16);
}

std::string docx(std::string_view body_xml, std::vector<zip_entry> more) {
  more.insert(more.begin(), {"[Content_Types].xml", "<Types/>"});
  more.push_back(
      {"word/document.xml", "<?xml version=\"1.0\"?><w:document xmlns:w=\"urn:w\"><w:body>" +
                                std::string{body_xml} + "</w:body></w:document>"});
  return zip(more);
}

std::string docx_saying(std::string_view text) {
  std::string runs;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(at + 4, text.size());
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    runs += "<w:r><w:rPr><w:b/></w:rPr>\n <w:t xml:space=\"preserve\">" +
            std::string{text.substr(at, end - at)} + "</w:t></w:r>\n";
    at = end;
  }
  return docx("<w:p>" + runs + "</w:p>");
}

std::string xlsx(std::string_view shared_strings_xml, std::string_view sheet_xml) {
  return zip(
      {{"[Content_Types].xml", "<Types/>"},
       {"xl/worksheets/sheet1.xml",
        "<worksheet><sheetData>" + std::string{sheet_xml} + "</sheetData></worksheet>"},
       {"xl/workbook.xml", "<workbook><sheets><sheet name=\"Munka lap\"/></sheets></workbook>"},
       {"xl/sharedStrings.xml", "<sst>" + std::string{shared_strings_xml} + "</sst>"}});
}

std::string odf(std::string_view kind, std::string_view text_xml) {
  return zip({{"mimetype", "application/vnd.oasis.opendocument." + std::string{kind}},
              {"content.xml", "<office:document-content><office:body>" + std::string{text_xml} +
                                  "</office:body></office:document-content>"},
              {"META-INF/manifest.xml", "<manifest:manifest/>"}});
}

std::string pdf(const std::vector<std::string>& objects, std::string_view trailer) {
  std::string out = "%PDF-1.5\n";
  std::string table = "0000000000 65535 f \n";
  for (std::size_t i = 0; i < objects.size(); ++i) {
    auto offset = std::to_string(out.size());
    table += std::string(10 - offset.size(), '0') + offset + " 00000 n \n";
    out += std::to_string(i + 1) + " 0 obj " + objects[i] + " endobj\n";
  }
  const auto count = std::to_string(objects.size() + 1);
  return out + "xref\n0 " + count + "\n" + table + "trailer <</Root 1 0 R/Size " + count +
         std::string{trailer} + ">>\nstartxref\n" + std::to_string(out.size()) + "\n%%EOF\n";
}

std::string pdf_stream(std::string_view data, std::string_view dictionary) {
  return "<<" + std::string{dictionary} + "/Length " + std::to_string(data.size()) + ">> stream\n" +
         std::string{data} + "\nendstream";
}

std::string pdf_saying(std::string_view text_1250, std::string_view catalog_more,
                       std::string_view page_more, std::vector<std::string> more) {
  std::vector<std::string> objects{
      "<</Type/Catalog/Pages 2 0 R" + std::string{catalog_more} + ">>",
      "<</Type/Pages/Kids[3 0 R]/Count 1>>",
      "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 "
      "R>>>>" +
          std::string{page_more} + ">>",
      pdf_stream("BT /F 12 Tf 50 700 Td (" + std::string{text_1250} + ") Tj ET"),
      "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</BaseEncoding/WinAnsiEncoding"
      "/Differences[245/ohungarumlaut 251/uhungarumlaut]>>>>"};
  objects.insert(objects.end(), more.begin(), more.end());
  return pdf(objects);
}

}  // namespace consentry::tests
