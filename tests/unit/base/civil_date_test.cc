#include "base/civil_date.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace consentry;

TEST_CASE("add_months cuts to the last day of the month") {
  struct row {
    const char* day;
    int months;
    const char* expected;
  };
  for (const row& r : {row{"2024-03-15", 12, "2025-03-15"}, row{"2024-02-29", 12, "2025-02-28"},
                       row{"2023-02-28", 12, "2024-02-28"}, row{"2024-01-31", 1, "2024-02-29"},
                       row{"2023-12-31", 2, "2024-02-29"}, row{"2024-03-31", -1, "2024-02-29"},
                       row{"2024-12-15", 1, "2025-01-15"}, row{"2024-08-31", 6, "2025-02-28"}}) {
    INFO(r.day << " + " << r.months);
    CHECK(to_string(add_months(*parse_date(r.day), r.months)) == r.expected);
  }
}

TEST_CASE("a day in Budapest starts at its midnight, summer and winter") {
  CHECK(to_string_utc(budapest_midnight(*parse_date("2025-03-16"))) == "2025-03-15T23:00:00.000Z");
  CHECK(to_string_utc(budapest_midnight(*parse_date("2025-07-01"))) == "2025-06-30T22:00:00.000Z");
  const auto midnight = budapest_midnight(*parse_date("2025-03-16"));
  CHECK(to_string(budapest_day(midnight)) == "2025-03-16");
  CHECK(to_string(budapest_day(midnight - std::chrono::milliseconds{1})) == "2025-03-15");
  // The days of the clock changes have 23 and 25 hours.
  CHECK(budapest_midnight(*parse_date("2025-03-31")) -
            budapest_midnight(*parse_date("2025-03-30")) ==
        std::chrono::hours{23});
  CHECK(budapest_midnight(*parse_date("2025-10-27")) -
            budapest_midnight(*parse_date("2025-10-26")) ==
        std::chrono::hours{25});
}

TEST_CASE("timestamps without offset are Budapest time") {
  struct row {
    const char* text;
    const char* utc;
  };
  for (const row& r :
       {row{"2024-03-15", "2024-03-14T23:00:00.000Z"},
        row{"2024-03-15T10:00:00", "2024-03-15T09:00:00.000Z"},
        row{"2024-07-15 10:00", "2024-07-15T08:00:00.000Z"},
        row{"2024-07-15T10:00:00Z", "2024-07-15T10:00:00.000Z"},
        row{"2024-07-15T10:00:00.25+02:00", "2024-07-15T08:00:00.250Z"},
        row{"2024-07-15T10:00:00-0530", "2024-07-15T15:30:00.000Z"},
        row{"2025-10-26T02:30:00", "2025-10-26T00:30:00.000Z"},     // twice: the first
        row{"2025-03-30T02:30:00", "2025-03-30T01:30:00.000Z"}}) {  // never: as if it were
    INFO(r.text);
    REQUIRE(parse_timestamp(r.text).has_value());
    CHECK(to_string_utc(*parse_timestamp(r.text)) == r.utc);
  }
  for (const char* bad :
       {"", "2024", "2024-13-01", "2024-02-30", "24-02-01", "2024-03-15T25:00", "2024-03-15T10",
        "2024-03-15T10:00:00+25:00", "2024-03-15T10:00:00 ", "2024-03-15x", "2024-03-15T10:00:61",
        "2024-3-15", "2024-03-15T10:00:00.", "2024-03-15T10:00:00Zjunk", "0000-01-01"})
    CHECK_FALSE(parse_timestamp(bad).has_value());
}

TEST_CASE("dates are printed with the offset of their day") {
  CHECK(to_string_budapest(*parse_timestamp("2024-07-15T08:00:00Z")) ==
        "2024-07-15T10:00:00+02:00");
  CHECK(to_rfc5322(*parse_timestamp("2024-03-15T09:00:00Z")) == "Fri, 15 Mar 2024 10:00:00 +0100");
}

TEST_CASE("calendar months agree with test262") {
  const char* env = std::getenv("CONSENTRY_CORPORA");
  const std::filesystem::path file =
      std::filesystem::path{env != nullptr ? env : CONSENTRY_SOURCE_DIR "/../shared/corpora"} /
      "test262/calendar-month-add.tsv";
  if (!std::filesystem::exists(file)) {
    WARN("skipped: no corpora");
    return;
  }
  std::ifstream in{file};
  std::string line;
  int checked = 0;
  while (std::getline(in, line)) {
    std::istringstream fields{line};
    std::string start, years, months, expected;
    fields >> start >> years >> months >> expected;
    if (!parse_date(start)) continue;
    INFO(line);
    CHECK(to_string(add_months(*parse_date(start), std::stoi(years) * 12 + std::stoi(months))) ==
          expected);
    ++checked;
  }
  CHECK(checked >= 30);
}
