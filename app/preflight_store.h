// What the pre-flight of each sender domain found (docs/decisions/sender-preflight.md).
//
//   table domain_preflights   be32 tenant, domain -> domain_preflight
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/lmdb_env.h"
#include "policy/evidence.h"
#include "smtp/auth/sender_finding.h"

namespace consentry::app {

struct kept_check {
  smtp::auth::sender_check found;
  instant known_at{};  // when the DNS last gave a trustworthy answer; 0: never
  friend bool operator==(const kept_check&, const kept_check&) = default;
};

struct domain_preflight {
  std::string domain;
  instant looked_at{};        // the last time, whatever came of it
  instant unsettled_since{};  // since when it fails or is unknown; 0: it does not
  std::vector<kept_check> checks;

  std::vector<smtp::auth::sender_check> found() const;
  smtp::auth::check_state state() const { return smtp::auth::overall(found()); }
  friend bool operator==(const domain_preflight&, const domain_preflight&) = default;
};

// What is known after another look: an answer that could not be had changes nothing that was known,
// for better or worse. Where a part of it could not be had, the rest counts if it is worse, or ends
// a failure.
domain_preflight merged(const std::optional<domain_preflight>& before,
                        std::vector<smtp::auth::sender_check> now, const std::string& domain,
                        instant at);

// For the judge: nullopt where nothing is known for certain. As old as the oldest check that fails,
// or where none does, that decides.
std::optional<policy::preflight_facts> facts_of(const domain_preflight& p);

// When it is looked at again: daily with a spread, and sooner while it fails or is unknown. spread:
// 0 to 1.
instant next_look(const domain_preflight& p, std::chrono::hours every, double spread);

std::string encode(const domain_preflight& p);
domain_preflight decode_domain_preflight(std::string_view domain, std::string_view bytes);

// Table handle only. Any thread may read, the writer's may change.
class preflight_store {
 public:
  explicit preflight_store(store_env& env);  // at start

  std::optional<domain_preflight> find(const read_txn& txn, tenant_id tenant,
                                       std::string_view domain) const;
  void put(write_txn& txn, tenant_id tenant, const domain_preflight& p) const;
  void erase(write_txn& txn, tenant_id tenant, std::string_view domain) const;

 private:
  table rows_;
};

}  // namespace consentry::app
