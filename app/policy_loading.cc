#include "app/policy_loading.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/secret.h"
#include "base/text.h"
#include "policy/policy_file.h"

namespace consentry::app {
namespace {

// Of all pattern files, in order of their names: any change of a pattern changes the policy
// version.
std::string digest_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder})
    if (entry.is_regular_file() && entry.path().extension() == ".toml")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::string all;
  for (const auto& f : files) {
    std::ifstream in{f, std::ios::binary};
    const std::string content{std::istreambuf_iterator<char>{in}, {}};
    all += std::filesystem::relative(f, folder).generic_string() + " " +
           hex(as_bytes(sha256(content))) + "\n";
  }
  return hex(as_bytes(sha256(all)));
}

}  // namespace

std::shared_ptr<const active_policy> load_policy(const std::filesystem::path& policy_file,
                                                 const std::filesystem::path& patterns_folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(patterns_folder, error))
    throw configuration_error(patterns_folder.string() + ": no such folder of pattern files");
  const auto rules = policy::read_policy_file(policy_file);
  auto out = std::make_shared<active_policy>();
  out->patterns =
      std::make_shared<const filters::pattern_database>(filters::load_patterns(patterns_folder));
  out->set = policy::make_policy_set(rules, digest_of(patterns_folder), policy_file.string());
  return out;
}

}  // namespace consentry::app
