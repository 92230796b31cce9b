// What a reload swaps: immutable snapshots that each message takes once and keeps.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "app/settings.h"
#include "app/spam_traps.h"
#include "base/snapshot.h"
#include "filters/pattern_database.h"
#include "policy/policy_set.h"
#include "queue/pacing_rules.h"
#include "queue/route_table.h"
#include "smtp/auth/key_ring.h"
#include "smtp/bounce_rules.h"
#include "smtp/token.h"

namespace consentry::app {

// Policy and patterns change together: a message is judged under one version (RULES E10).
struct active_policy {
  std::shared_ptr<const policy::policy_set> set;
  std::shared_ptr<const filters::pattern_database> patterns;
};

struct live_settings {
  snapshot<active_policy> policy;
  snapshot<smtp::auth::key_ring> dkim_keys;
  snapshot<smtp::token_ring> tokens;
  snapshot<queue::route_table> routes;
  snapshot<queue::pacing_rules> pacing;
  snapshot<smtp::bounce_rules> bounces;
  snapshot<std::vector<reporter>> reporters;
  snapshot<spam_traps> traps{std::make_shared<const spam_traps>()};
  snapshot<std::shared_ptr<boost::asio::ssl::context>> server_tls;  // nullptr inside: no TLS
};

}  // namespace consentry::app
