// Days as people mean them: civil dates in Europe/Budapest (RULES, conventions; A3).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace consentry {

using civil_date = std::chrono::year_month_day;

// The calendar day in Budapest at t. Any thread.
civil_date budapest_day(instant t);

// 00:00 in Budapest on that day, as UTC.
instant budapest_midnight(civil_date day);

// Calendar months on; if that day is missing, the last day of the month (Hungarian deadline rule).
// 2024-02-29 + 12 = 2025-02-28; 2023-02-28 + 12 = 2024-02-28. Negative months go back.
civil_date add_months(civil_date day, int months);

// Strict YYYY-MM-DD.
std::optional<civil_date> parse_date(std::string_view text);
std::string to_string(civil_date day);

// ISO 8601 / RFC 3339: "2024-03-15", "2024-03-15T10:00:00", "2024-03-15 10:00[:00[.123]]", with "Z"
// or
// "+01:00" behind the time. Without an offset it is Budapest time (RULES A3): in the hour that a
// clock change repeats, the first; in the hour it skips, the instant that the skipped time would
// have had. A bare date is its midnight. nullopt: not a timestamp.
std::optional<instant> parse_timestamp(std::string_view text);

// "2024-03-15T09:00:00.000Z"
std::string to_string_utc(instant t);

// "2024-03-15T10:00:00+01:00": Budapest wall time with its offset.
std::string to_string_budapest(instant t);

// RFC 5322 date-time in Budapest time: "Fri, 15 Mar 2024 10:00:00 +0100".
std::string to_rfc5322(instant t);

}  // namespace consentry
