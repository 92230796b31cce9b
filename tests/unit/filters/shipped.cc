#include "tests/unit/filters/shipped.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

namespace consentry::tests {

std::filesystem::path pattern_folder() {
  return std::filesystem::path{CONSENTRY_SOURCE_DIR} / "conf" / "patterns";
}

const filters::pattern_database& shipped_patterns() {
  // Each case is a process of its own: they compile once for all.
  static const filters::pattern_database database{
      filters::load_patterns(pattern_folder()),
      filters::database_cache{std::filesystem::temp_directory_path() /
                              ("consentry-compiled-" + std::to_string(::getuid()))}};
  return database;
}

std::filesystem::path corpora_folder() {
  const char* given = std::getenv("CONSENTRY_CORPORA");
  const std::filesystem::path folder =
      given != nullptr ? std::filesystem::path{given}
                       : std::filesystem::path{CONSENTRY_SOURCE_DIR} / ".." / "shared" / "corpora";
  return std::filesystem::exists(folder) ? folder : std::filesystem::path{};
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string plain_mail(std::string_view subject, std::string_view text, std::string_view type,
                       std::string_view from) {
  std::string out = "From: ";
  out.append(from);
  out +=
      "\r\nTo: olvaso@example.org\r\nDate: Mon, 3 Mar 2025 10:00:00 +0100\r\nMessage-ID: "
      "<1@bolt.example>\r\nSubject: ";
  out.append(subject);
  out += "\r\nMIME-Version: 1.0\r\nContent-Type: ";
  out.append(type);
  out += "; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  out += "\r\n";
  return out;
}

filters::scan_result scan_mail(std::string_view mail) {
  return filters::scan(smtp::mime::walk(mail), shipped_patterns());
}

double score_of(const filters::scan_result& r, const std::string& category) {
  const auto at = r.scores.find(category);
  return at == r.scores.end() ? 0 : at->second;
}

std::string verdict_of(const filters::scan_result& r) {
  constexpr double hold = 5;
  constexpr double reject = 10;
  std::string worst = r.unscannable ? "hold" : "send";
  for (const auto& [category, score] : r.scores) {
    std::set<std::string> patterns;
    bool is_conclusive = false;
    for (const filters::finding& f : r.findings) {
      if (f.category != category || f.score == 0) continue;
      patterns.insert(f.pattern);
      is_conclusive = is_conclusive || f.conclusive;
    }
    const bool is_hard = category.starts_with('H');
    const bool indicates_only = category == "H5" || category == "H7";
    if (is_hard && !indicates_only &&
        (is_conclusive || (score >= reject && patterns.size() >= 2))) {
      return "refuse";
    }
    if (score >= (is_hard ? hold : reject)) worst = "hold";
  }
  return worst;
}

}  // namespace consentry::tests
