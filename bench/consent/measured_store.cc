#include "bench/consent/measured_store.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <algorithm>

#include "base/log.h"
#include "bench/consent/sample_people.h"
#include "policy/consent/slice_writer.h"

namespace consentry::bench {

namespace consent = policy::consent;

measured_store::measured_store(const std::string& folder)
    : env{{.folder = folder, .map_size = 256ULL << 30}},
      journal{env},
      ledger{env, journal},
      renewals{env, ledger, journal} {}

std::chrono::nanoseconds thread_time() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

bool run_undisturbed() {
  sched_param priority{};
  priority.sched_priority = 1;
  return ::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &priority) == 0;
}

double latencies::us(double share) {
  if (all_.empty()) return 0;
  if (!is_sorted_) std::ranges::sort(all_);
  is_sorted_ = true;
  const auto at = static_cast<std::size_t>(share * static_cast<double>(all_.size() - 1));
  return static_cast<double>(all_[at]) / 1000;
}

slice_filler::slice_filler(measured_store& store, commit_loop& commits, std::uint32_t tenant,
                           std::uint64_t rows, std::uint64_t slice_rows)
    : store_{store}, commits_{commits}, tenant_{tenant}, rows_{rows}, slice_rows_{slice_rows} {}

bool slice_filler::write_one() {
  const sample_people people{tenant_, rows_};
  const auto end = std::min(done_ + slice_rows_, rows_);
  if (done_ == end) return false;
  const auto matter = consent::matter_of(people.sender, people.topic);
  std::vector<consent::consent_record> records;
  for (auto i = done_; i < end; ++i) records.push_back(people.record(i));
  const auto first = done_;
  const auto op = [&](write_txn& txn) {
    consent::slice_facts about{.tenant = people.tenant(), .rows = end - first, .source = "bench"};
    about.by = {.at = records.front().recorded_at, .actor = "import:bench"};
    about.last_key = consent::stored_key(people.tenant(), people.person(end - 1), matter);
    consent::write_slice(txn, store_.ledger, about, [&](consent::slice_writer& slice) {
      for (auto i = first; i < end; ++i) {
        const auto key = people.key(i);
        slice.put(key, consent::stored_key(key.tenant, key.person, matter), records[i - first],
                  {.address = people.address(i), .name = {}});
      }
    });
  };
  if (const auto done = commits_.run(op); !done)
    throw configuration_error("a slice was not written: " + describe(done.error()));
  done_ = end;
  return true;
}

}  // namespace consentry::bench
