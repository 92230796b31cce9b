// Minute by minute whether the gateway answered its clients (RULES A2 7): what the yearly report on
// availability is made of. A minute without an entry, with the gateway off, counts as down.
//
//   table probe_days   be32 day since 1970 -> 1440 bits, one a minute of UTC: it answered
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/civil_date.h"
#include "base/clock.h"
#include "base/lmdb_env.h"

namespace consentry::app {

using minutes_time = std::chrono::sys_time<std::chrono::minutes>;

// A year from Budapest midnight to Budapest midnight, planned work included.
struct availability {
  int year = 0;
  std::int64_t minutes = 0;  // of the year, or of its part that is over
  std::int64_t down = 0;
  bool is_over = false;
  struct outage {
    minutes_time from, until;  // not with it
  };
  std::vector<outage> outages;  // the longest first, at most 20

  // 99 % a year: 87.60 h of 365 days may be down, 87.62 h may not. Judged by the whole year, of
  // which the part that is not over counts as up.
  bool holds() const noexcept;
  std::int64_t year_minutes = 0;
};

minutes_time year_begin(int year);

// up[i]: minute `from` + i answered. now: what is behind it is not over yet; minutes of the year
// before `from` or behind `up` count as down.
availability availability_of(int year, minutes_time from, const std::vector<bool>& up,
                             minutes_time now);

// Table handles only. Any thread may read, the writer's may change.
class probe_log {
 public:
  explicit probe_log(store_env& env);  // at start

  void note_up(write_txn& txn, minutes_time at) const;
  std::vector<bool> read(const read_txn& txn, minutes_time from, minutes_time until) const;
  std::optional<minutes_time> first(const read_txn& txn) const;  // the first minute that answered

 private:
  table days_;
};

}  // namespace consentry::app
