#include "app/policy_loading.h"

#include "app/policy_bundle.h"

namespace consentry::app {

std::shared_ptr<const active_policy> load_policy(const std::filesystem::path& policy_file,
                                                 const std::filesystem::path& patterns_folder) {
  return load_policy(read_bundle(policy_file, patterns_folder));
}

}  // namespace consentry::app
