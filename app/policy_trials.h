// The trials of a running gateway: at most one replay of stored decisions, and one policy in the
// shadow (RULES E8).
#pragma once

#include <boost/json/fwd.hpp>
#include <memory>

#include "app/policy_shadow.h"
#include "app/policy_what_if.h"
#include "base/worker_pool.h"

namespace consentry::app {

struct trial_policy {
  policy_bundle files;
  std::shared_ptr<const active_policy> policy;
};

class policy_trials {
 public:
  // All outlive it. Slices of a replay run on `workers`, one after the other.
  policy_trials(const store_rooms& rooms, const live_settings& live, worker_pool& workers,
                const wall_clock& clock);
  ~policy_trials();  // waits for a slice under way

  // Compiles, seconds at most: a worker. Throws configuration_error.
  trial_policy compile(policy_bundle files) const;

  // conflict: one is under way. The report of the one before is gone.
  result<void> start_what_if(trial_policy candidate, what_if_question q, const std::string& by);
  // False: none is under way.
  bool cancel_what_if();
  // {"state": "none" | "running" | "done" | "cancelled" | "failed", "by", "started_at", "ended_at",
  // and what policy_what_if reports}
  boost::json::object what_if_report() const;

  policy_shadow& shadow() noexcept { return shadow_; }

 private:
  struct run;
  static void step(const std::shared_ptr<run>& r, worker_pool& workers, const wall_clock& clock);

  const store_rooms& rooms_;
  const live_settings& live_;
  worker_pool& workers_;
  const wall_clock& clock_;
  filters::database_cache cache_;
  mutable std::mutex mutex_;
  std::shared_ptr<run> run_;
  policy_shadow shadow_;
};

}  // namespace consentry::app
