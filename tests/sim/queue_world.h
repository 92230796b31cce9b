// A queue, its rules and the receivers of the world in virtual time: what the loader and the
// working set of queue/ decide is carried out here, and everything that may never happen is
// checked, by sums of its own.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "queue/loader.h"
#include "queue/retry_schedule.h"
#include "queue/working_set.h"

namespace consentry::tests {

struct sim_options {
  std::uint64_t seed = 1;
  std::size_t messages = 100'000;
  std::size_t sites = 1000;
  std::size_t tenants = 50;
  std::size_t in_flight_max = 400;
};

struct sim_report {
  std::uint64_t delivered = 0, bounced = 0, expired = 0, attempts = 0, deferred = 0;
  std::uint64_t parked = 0, passes = 0;
  std::size_t most_in_memory = 0, most_in_flight = 0;
  std::chrono::milliseconds small_tenant_p99{}, small_tenant_worst{};
  std::chrono::hours took{};        // virtual
  std::vector<std::string> broken;  // what may never happen and did; at most a few of each
};

// Runs until every message has ended. The same options give the same report.
sim_report simulate(const sim_options& o);

}  // namespace consentry::tests
