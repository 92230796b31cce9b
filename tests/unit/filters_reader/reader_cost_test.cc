// What reading costs; figures, not verdicts: test_filters_reader "[cost]".
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "filters/confined_reader.h"
#include "tests/unit/filters_reader/sample_files.h"

using namespace consentry;
using namespace consentry::filters;
using namespace consentry::tests;

namespace {

// Median of so many runs, in microseconds.
double median_us(int runs, const std::function<void()>& what) {
  std::vector<double> all;
  for (int i = 0; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    what();
    all.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
            .count());
  }
  std::nth_element(all.begin(), all.begin() + runs / 2, all.end());
  return all[static_cast<std::size_t>(runs / 2)];
}

std::string words(std::size_t count) {
  const char* some[] = {"tavaszi", "kerti", "arak", "es", "uj", "katalogus", "rozsa", "vasarnap"};
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += std::string{some[i * 7 % 8]} + ' ';
  return out;
}

std::string long_docx(int paragraphs) {
  std::string body;
  for (int i = 0; i < paragraphs; ++i)
    body += "<w:p><w:pPr><w:jc w:val=\"both\"/></w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t>" +
            words(40) + std::to_string(i) + "</w:t></w:r></w:p>";
  return docx(body);
}

std::string long_pdf(int pages) {
  std::string kids;
  for (int i = 0; i < pages; ++i) kids += std::to_string(4 + 2 * i) + " 0 R ";
  std::vector<std::string> objects{
      "<</Type/Catalog/Pages 2 0 R>>",
      "<</Type/Pages/Kids[" + kids + "]/Count " + std::to_string(pages) + ">>",
      "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"};
  for (int i = 0; i < pages; ++i) {
    std::string text = "BT /F 10 Tf 12 TL 50 780 Td ";
    for (int line = 0; line < 50; ++line) text += "(" + words(11) + ") Tj T* ";
    objects.push_back("<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents " +
                      std::to_string(5 + 2 * i) + " 0 R/Resources<</Font<</F 3 0 R>>>>>>");
    objects.push_back(pdf_stream(text + "ET"));
  }
  return pdf(objects);
}

std::string status_line(pid_t process, const std::string& key) {
  std::ifstream in{"/proc/" + std::to_string(process) + "/status"};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(key)) return line;
  return {};
}

}  // namespace

TEST_CASE("cost of the reader", "[.cost]") {
  const reader_options options{.program = CONSENTRY_BIN_DIR "/consentry-reader"};
  const confined_reader r{options};
  const auto cost = [&](const std::string& name, const std::string& bytes) {
    const double us = median_us(31, [&] {
      const auto found = r.read({.type = "", .name = name, .bytes = bytes, .limits = {}});
      CHECK(found.unreadable.empty());
    });
    WARN(name << ", " << bytes.size() << " octets: " << us / 1000 << " ms");
  };
  cost("text.txt", "x");
  cost("one-page.docx", long_docx(12));
  cost("long.docx", long_docx(1000));
  cost("one-page.pdf", long_pdf(1));
  cost("long.pdf", long_pdf(30));
  cost("zip-in-zip.zip", zip({{"a.zip", zip({{"a.docx", long_docx(12)}})}}));
  cost("ten-mib.txt", words(1'300'000));
  WARN("start and first answer: " << median_us(15, [&] { const confined_reader one{options}; }) /
                                         1000
                                  << " ms");
  auto idle = confined_process::start(options.program, {"1024", "120"}).value();
  std::this_thread::sleep_for(std::chrono::seconds{1});
  WARN("idle: " << status_line(idle.id(), "VmRSS") << ", " << status_line(idle.id(), "RssAnon")
                << ", " << status_line(idle.id(), "VmSize"));
}
