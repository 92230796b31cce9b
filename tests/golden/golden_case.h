// One folder of tests/golden, read (README.md there).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "filters/pattern_database.h"
#include "policy/judge.h"

namespace consentry::golden {

struct golden_case {
  std::filesystem::path folder;
  std::string message;  // CRLF
  policy::rule_knobs knobs;
  policy::evidence common;  // without recipient, consent and suppression
  std::vector<std::string> verified_domains;
  std::vector<policy::evidence> recipients;
};

// Throws std::runtime_error "file:line: text".
golden_case read_case(const std::filesystem::path& folder);

struct golden_answer {
  std::string verdict;  // verdict.txt
  std::string why;      // why.txt
  // Decision, reason and rule of each, as judged and as judged again by what is kept of the
  // evidence (RULES E8).
  std::string decisions;
  std::string replayed;
};
golden_answer answer(const golden_case& c, const filters::pattern_database& patterns);

}  // namespace consentry::golden
