// Another policy that judges beside the one in force, on live mail (RULES E8). Its verdicts change
// nothing: only counts and the first examples of differences are kept, in memory.
//
// Mail never waits for it: what the queue cannot take is counted and dropped, and judging has a
// thread of its own with a low priority.
#pragma once

#include <atomic>
#include <boost/json/fwd.hpp>
#include <memory>
#include <string>
#include <vector>

#include "app/kept_facts.h"
#include "app/live_settings.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "policy/tenants/tenant_directory.h"
#include "policy/verdict.h"

namespace consentry::app {

// One message as it was decided.
struct shadow_case {
  struct recipient {
    kept_facts facts;
    policy::verdict verdict;
  };
  tenant_id tenant;
  message_id message;
  std::vector<recipient> recipients;
  std::string mail;  // as submitted; empty: refused at RCPT
};

struct shadow_options {
  std::size_t cases_max = 256;        // waiting
  std::size_t bytes_max = 64u << 20;  // of their mail
  std::size_t examples_max = 100;
};

class policy_shadow {
 public:
  // `directory` outlives it: who owns which domain.
  policy_shadow(const snapshot<policy::tenants::tenant_directory>& directory,
                const wall_clock& clock, shadow_options o = {});
  ~policy_shadow();  // stops

  // All below: any thread.
  bool is_on() const noexcept { return is_on_.load(std::memory_order_relaxed); }
  void offer(shadow_case c);  // never blocks but for a moment's lock

  // conflict: one is on already.
  result<void> start(std::shared_ptr<const active_policy> candidate, const std::string& by);
  // Waits for the judgement under way. False: none was on. Its report stays until the next start.
  bool stop();
  // {"on", "version", "started_at", "ended_at", "by", "against": [..], "waiting", "dropped",
  // "failed", and a verdict_diff}; before the first start {"on": false} alone.
  boost::json::object report() const;

 private:
  struct state;
  std::atomic<bool> is_on_{false};
  std::unique_ptr<state> state_;
};

}  // namespace consentry::app
