#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/golden/golden_case.h"

using namespace consentry;
using namespace consentry::golden;

namespace {

std::string read(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream{file, std::ios::binary} << text;
}

std::vector<std::filesystem::path> cases() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry :
       std::filesystem::directory_iterator{CONSENTRY_SOURCE_DIR "/tests/golden"})
    if (entry.is_directory()) out.push_back(entry.path());
  std::ranges::sort(out);
  return out;
}

}  // namespace

TEST_CASE("golden verdicts") {
  const filters::pattern_database patterns{
      filters::load_patterns(CONSENTRY_SOURCE_DIR "/conf/patterns")};
  const bool is_rewriting = std::getenv("CONSENTRY_REWRITE_GOLDEN") != nullptr;
  const auto folders = cases();
  CHECK(folders.size() >= 15);
  for (const auto& folder : folders) {
    INFO(folder.filename().string());
    const auto got = answer(read_case(folder), patterns);
    CHECK(got.replayed == got.decisions);
    if (is_rewriting) {
      write(folder / "verdict.txt", got.verdict);
      write(folder / "why.txt", got.why);
      continue;
    }
    CHECK(got.verdict == read(folder / "verdict.txt"));
    CHECK(got.why == read(folder / "why.txt"));
  }
}
