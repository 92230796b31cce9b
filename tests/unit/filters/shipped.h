// What the tests of the filters share: the shipped patterns, compiled once, and mails made of
// texts.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "filters/pattern_database.h"
#include "filters/scanner.h"

namespace consentry::tests {

std::filesystem::path pattern_folder();
const filters::pattern_database& shipped_patterns();

// The corpora beside the repository; empty if they are not there.
std::filesystem::path corpora_folder();
std::string read_file(const std::filesystem::path& file);

// A mail of one text part, UTF-8, 8bit.
std::string plain_mail(std::string_view subject, std::string_view text,
                       std::string_view type = "text/plain",
                       std::string_view from = "Bolt <hirlevel@bolt.example>");

filters::scan_result scan_mail(std::string_view mail);
double score_of(const filters::scan_result& r, const std::string& category);
// What the content rule makes of it (RULES A6): "refuse", "hold" or "send".
std::string verdict_of(const filters::scan_result& r);

}  // namespace consentry::tests
