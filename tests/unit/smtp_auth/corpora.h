// The mails of the corpora, with CRLF line ends.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "smtp/auth/key_text.h"

namespace consentry::test {

inline std::filesystem::path corpora() {
  const char* given = std::getenv("CONSENTRY_CORPORA");
  return given ? std::filesystem::path{given}
               : std::filesystem::path{CONSENTRY_SOURCE_DIR} / ".." / "shared" / "corpora";
}

inline std::string content(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

inline std::vector<std::filesystem::path> mails() {
  std::vector<std::filesystem::path> out;
  std::ifstream index{corpora() / "INDEX.tsv"};
  std::string line;
  std::getline(index, line);
  while (std::getline(index, line)) out.push_back(corpora() / line.substr(0, line.find('\t')));
  return out;
}

}  // namespace consentry::test
