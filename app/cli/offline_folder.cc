#include "app/cli/offline_folder.h"

#include <cstdlib>
#include <vector>

#include "base/result.h"

namespace consentry::app::cli {

namespace fs = std::filesystem;

fs::path conf_folder(const std::string& asked) {
  std::vector<fs::path> places;
  if (!asked.empty()) return asked;
  if (const char* given = std::getenv("CONSENTRY_CONF"); given != nullptr) return given;
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  for (const fs::path& place :
       {fs::path{"/etc/consentry"}, program.parent_path() / "../../../conf"})
    if (fs::exists(place / "policy/default.toml", error)) return fs::weakly_canonical(place, error);
  throw configuration_error(
      "no policy and patterns found: name their folder with --conf or CONSENTRY_CONF");
}

policy_bundle working_files(const fs::path& conf) {
  return read_bundle(conf / "policy/default.toml", conf / "patterns");
}

}  // namespace consentry::app::cli
