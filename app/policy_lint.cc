#include "app/policy_lint.h"

#include <algorithm>
#include <functional>

#include "base/result.h"
#include "filters/pattern_database.h"
#include "policy/policy_file.h"

namespace consentry::app {
namespace {

namespace fs = std::filesystem;

void try_it(std::vector<std::string>& problems, const std::function<void()>& f) {
  try {
    f();
  } catch (const configuration_error& e) {
    const std::string text = e.what();
    if (std::find(problems.begin(), problems.end(), text) == problems.end())
      problems.push_back(text);
  }
}

}  // namespace

std::vector<std::string> lint_policy(const fs::path& policy_file, const fs::path& patterns_folder) {
  std::vector<std::string> problems;
  try_it(problems, [&] { policy::read_policy_file(policy_file); });
  for (const fs::path& f : filters::pattern_files_below(patterns_folder))
    try_it(problems, [&] { filters::read_pattern_file(f); });
  if (!problems.empty()) return problems;
  try_it(problems, [&] {
    const filters::pattern_database database{filters::load_patterns(patterns_folder)};
    for (auto& p : filters::lint_samples(database)) problems.push_back(std::move(p));
  });
  return problems;
}

}  // namespace consentry::app
