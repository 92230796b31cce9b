#include "app/live_loading.h"

#include "app/component_options.h"
#include "app/key_store.h"

namespace consentry::app {

void load_live_settings(const settings& s, policy_versions& policies, live_settings& live) {
  auto keys = open_dkim_keys(s.dkim.folder);
  auto tls = server_tls_of(s);
  auto routes = routes_of(s);
  auto pacing = pacing_of(s);
  auto bounces = bounces_of(s);
  auto reporters = std::make_shared<const std::vector<reporter>>(s.complaints.reporters);
  auto traps = traps_of(s);
  policies.follow_files(s.policy_file, s.patterns_folder);
  tell_if_unsigned(*keys, s);
  live.dkim_keys.set(std::move(keys));
  live.server_tls.set(std::move(tls));
  live.routes.set(std::move(routes));
  live.pacing.set(std::move(pacing));
  live.bounces.set(std::move(bounces));
  live.reporters.set(std::move(reporters));
  live.traps.set(std::move(traps));
}

}  // namespace consentry::app
