// Days as numbers, and the stretch of days the complaint ratio is taken over (RULES A5).
#pragma once

#include <chrono>
#include <cstdint>

#include "base/civil_date.h"

namespace consentry::reputation {

// Days since 1970-01-01 of the civil calendar in Budapest: what cohorts are keyed by.
using day_number = std::int32_t;

inline day_number day_of(civil_date day) {
  return static_cast<day_number>(std::chrono::sys_days{day}.time_since_epoch().count());
}
inline day_number day_of(instant t) {
  return day_of(budapest_day(t));
}
inline civil_date to_date(day_number day) {
  return civil_date{std::chrono::sys_days{std::chrono::days{day}}};
}

struct day_window {
  day_number first = 0;
  day_number last = 0;  // included
  bool contains(day_number d) const noexcept { return first <= d && d <= last; }
};

// `days` days, the last of them today: 30 days on 31 March are 2 to 31 March.
constexpr day_window window_ending(day_number today, int days) noexcept {
  return {today - days + 1, today};
}

}  // namespace consentry::reputation
