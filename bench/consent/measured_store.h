// The store that the measures work on, and how they tell what they found: one JSON object on
// stdout.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/commit_loop.h"
#include "policy/consent/consent_ledger.h"
#include "policy/consent/renewal_buffer.h"

namespace CLI {
class App;
}

namespace consentry::bench {

struct measured_store {
  explicit measured_store(const std::string& folder);

  store_env env;
  journal::event_journal journal;
  policy::consent::consent_ledger ledger;
  policy::consent::renewal_buffer renewals;
};

// What this thread has worked so far: on a machine that does other things too, the honest clock for
// what a core can do.
std::chrono::nanoseconds thread_time();

// Lets nothing but the kernel take this thread off its core (SCHED_FIFO), so that a busy machine
// shows in the cache only. false: not allowed.
bool run_undisturbed();

// Durations in nanoseconds; the middle and the worst hundredth of them.
class latencies {
 public:
  void add(std::chrono::nanoseconds d) { all_.push_back(d.count()); }
  std::size_t count() const noexcept { return all_.size(); }
  double us(double share);  // 0.99: microseconds that 99 of 100 stay under

 private:
  std::vector<std::int64_t> all_;
  bool is_sorted_ = false;
};

// Rows of slices, sorted by key, one after another, as an import does.
class slice_filler {
 public:
  slice_filler(measured_store& store, commit_loop& commits, std::uint32_t tenant,
               std::uint64_t rows, std::uint64_t slice_rows);
  // The next slice, committed. false: all rows are written.
  bool write_one();

 private:
  measured_store& store_;
  commit_loop& commits_;
  std::uint32_t tenant_;
  std::uint64_t rows_;
  std::uint64_t slice_rows_;
  std::uint64_t done_ = 0;
};

// The measures, a file each. Each adds its subcommand.
void add_fill(CLI::App& app);
void add_size(CLI::App& app);
void add_lookups(CLI::App& app);
void add_verdicts(CLI::App& app);

}  // namespace consentry::bench
