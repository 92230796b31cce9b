// A forbidden text weighs in a document what it weighs in the mail, whatever the document.
#include <catch2/catch.hpp>
#include <map>

#include "base/strict_toml.h"
#include "base/text.h"
#include "tests/support/direct_reader.h"
#include "tests/unit/filters/shipped.h"
#include "tests/unit/filters_reader/sample_files.h"

using namespace consentry;
using namespace consentry::tests;

namespace {

struct sample {
  std::string category;
  std::string text;
};

std::vector<sample> load(const std::string& language) {
  auto t = toml_section::from_file(std::filesystem::path{CONSENTRY_SOURCE_DIR} / "tests" / "unit" /
                                   "filters" / "samples" / ("forbidden_" + language + ".toml"));
  t.required_text("language");
  std::vector<sample> out;
  for (auto& m : t.sections("mail")) {
    m.required_text("subject");
    out.push_back({m.text("category", ""), m.required_text("text")});
    m.finish();
  }
  t.finish();
  return out;
}

std::string escaped(std::string_view text, std::string_view what, std::string_view by) {
  std::string out;
  for (const char c : text) {
    if (what.find(c) != std::string_view::npos) out += by;
    out += c;
  }
  return out;
}

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&' || c == '<') {
      out += c == '&' ? "&amp;" : "&lt;";
    } else {
      out += c;
    }
  }
  return out;
}

// Windows-1250, as far as the test's PDF can write it; other characters become blanks.
std::string in_1250(std::string_view utf8) {
  const std::map<std::string_view, char> letters{
      {"á", '\xE1'}, {"é", '\xE9'}, {"í", '\xED'}, {"ó", '\xF3'}, {"ö", '\xF6'}, {"ő", '\xF5'},
      {"ú", '\xFA'}, {"ü", '\xFC'}, {"ű", '\xFB'}, {"Á", '\xC1'}, {"É", '\xC9'}, {"Í", '\xCD'},
      {"Ó", '\xD3'}, {"Ö", '\xD6'}, {"Ő", '\xF5'}, {"Ú", '\xDA'}, {"Ü", '\xDC'}, {"Ű", '\xFB'},
      {"€", '\x80'}, {"£", '\xA3'}, {"’", '\x92'}, {"–", '\x96'}, {"—", '\x97'}};
  std::string out;
  for (std::size_t i = 0; i < utf8.size();) {
    std::size_t end = i + 1;
    while (end < utf8.size() && (static_cast<unsigned char>(utf8[end]) & 0xC0) == 0x80) ++end;
    const auto c = utf8.substr(i, end - i);
    const auto at = letters.find(c);
    out += c.size() == 1 ? c.front() : at == letters.end() ? ' ' : at->second;
    i = end;
  }
  return out;
}

// In lines of a page's breadth.
std::string pdf_of(std::string_view text) {
  std::string drawn;
  std::string line;
  const auto end_line = [&] {
    drawn += "(" + escaped(line, "()\\", "\\") + ") Tj T* ";
    line.clear();
  };
  for (const char c : in_1250(text)) {
    if (c == '\n' || (c == ' ' && line.size() > 90)) {
      end_line();
    } else {
      line += c;
    }
  }
  end_line();
  return pdf({"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[3 0 R]/Count 1>>",
              "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F "
              "5 0 R>>>>>>",
              pdf_stream("BT /F 9 Tf 12 TL 50 780 Td " + drawn + "ET"),
              "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</BaseEncoding"
              "/WinAnsiEncoding/Differences[245/ohungarumlaut 251/uhungarumlaut]>>>>"});
}

std::string calendar_of(std::string_view text) {
  std::string value;
  for (const char c : text) {
    if (c == '\n') {
      value += "\\n";
    } else {
      if (c == ',' || c == ';' || c == '\\') value += '\\';
      value += c;
    }
  }
  std::string folded = "DESCRIPTION:";
  std::size_t length = folded.size();
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool is_begin = (static_cast<unsigned char>(value[i]) & 0xC0) != 0x80;
    if (++length > 74 && is_begin) {
      folded += "\r\n ";
      length = 1;
    }
    folded += value[i];
  }
  return "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + folded + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
}

std::string rtf_of(std::string_view text) {
  std::string out = "{\\rtf1\\ansi\\ansicpg1250 ";
  for (const char c : in_1250(text)) {
    if (c == '\n') {
      out += "\\par ";
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      out += "\\'" + hex(std::string_view{&c, 1});
    } else {
      if (c == '\\' || c == '{' || c == '}') out += '\\';
      out += c;
    }
  }
  return out + "}";
}

using form = std::pair<const char*, std::string (*)(const std::string& text)>;
const form forms[] = {
    {"a.docx", [](const std::string& t) { return docx_saying(xml(t)); }},
    {"a.odt", [](const std::string& t) { return odf("text", "<text:p>" + xml(t) + "</text:p>"); }},
    {"a.xlsx",
     [](const std::string& t) {
       return xlsx("<si><t>" + xml(t) + "</t></si>", "<row><c t=\"s\"><v>0</v></c></row>");
     }},
    {"a.pdf", [](const std::string& t) { return pdf_of(t); }},
    {"a.rtf", [](const std::string& t) { return rtf_of(t); }},
    {"a.ics", [](const std::string& t) { return calendar_of(t); }},
    {"a.txt", [](const std::string& t) { return in_1250(t); }},
    {"a.html", [](const std::string& t) { return "<!DOCTYPE html><p>" + xml(t) + "</p>"; }},
    {"a.gz", [](const std::string& t) { return gzip(t); }},
    {"a.zip",
     [](const std::string& t) { return zip({{"b.zip", zip({{"c.docx", docx_saying(xml(t))}})}}); }},
};

double score_in(const std::string& name, const std::string& bytes, const std::string& category) {
  const direct_reader reader;
  const auto mail = smtp::mime::walk(
      "From: Bolt <hirlevel@bolt.example>\r\nSubject: hir\r\nMIME-Version: 1.0\r\nContent-Type: "
      "multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nLasd a "
      "mellekletet, szep napot.\r\n--x\r\nContent-Type: application/octet-stream\r\n"
      "Content-Disposition: attachment; filename=" +
      name + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64(bytes) + "\r\n--x--\r\n");
  filters::scan_options options;
  options.attachments.reader = &reader;
  const auto r = filters::scan(mail, shipped_patterns(), options);
  CHECK(r.unscannable_because == std::vector<std::string>{});
  return score_of(r, category);
}

}  // namespace

TEST_CASE("a forbidden text weighs in a document what it weighs in the mail") {
  constexpr double rounding = 1e-9;                  // sums in another order
  std::map<std::string, std::pair<int, int>> found;  // form to found, all
  for (const char* language : {"hu", "en"}) {
    for (const auto& s : load(language)) {
      const double plain = score_of(scan_mail(plain_mail("hir", s.text)), s.category);
      if (plain == 0) continue;  // forged headers: no words
      for (const auto& [name, make] : forms) {
        INFO(name << " " << s.category << " " << s.text);
        const double score = score_in(name, make(s.text), s.category);
        CHECK(score >= plain - rounding);
        auto& [hit, all] = found[name];
        hit += score >= plain - rounding ? 1 : 0;
        ++all;
      }
    }
  }
  CHECK(found["a.pdf"].second > 200);
  std::string table;
  for (const auto& [name, counts] : found)
    table += "\n  " + name + ": " + std::to_string(counts.first) + " of " +
             std::to_string(counts.second);
  WARN("as heavy as in the mail:" << table);
}
