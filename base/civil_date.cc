#include "base/civil_date.h"

#include <fmt/format.h>
#include <unicode/basictz.h>
#include <unicode/tztrans.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <vector>

#include "base/check.h"

namespace consentry {
namespace {

using namespace std::chrono;

// Offsets of Europe/Budapest from 1900 to 2200 as ICU knows them, read once: asking ICU per
// timestamp is a hundred times slower.
struct zone_change {
  std::int64_t from_s;  // UTC seconds from which the offset holds
  int offset_s;
};

std::vector<zone_change> read_changes() {
  std::unique_ptr<icu::TimeZone> zone{icu::TimeZone::createTimeZone("Europe/Budapest")};
  auto* basic = dynamic_cast<icu::BasicTimeZone*>(zone.get());
  CONSENTRY_CHECK(basic != nullptr);
  constexpr std::int64_t start_s = -2'208'988'800;  // 1900-01-01
  constexpr std::int64_t end_s = 7'258'118'400;     // 2200-01-01
  const auto offset_at = [&](std::int64_t s) {
    std::int32_t raw = 0, dst = 0;
    UErrorCode status = U_ZERO_ERROR;
    basic->getOffset(static_cast<double>(s) * 1000, false, raw, dst, status);
    CONSENTRY_CHECK(U_SUCCESS(status));
    return (raw + dst) / 1000;
  };
  std::vector<zone_change> changes{{start_s, offset_at(start_s)}};
  icu::TimeZoneTransition next;
  for (std::int64_t s = start_s;
       basic->getNextTransition(static_cast<double>(s) * 1000, false, next);) {
    s = static_cast<std::int64_t>(next.getTime()) / 1000;
    if (s >= end_s) break;
    changes.push_back({s, offset_at(s)});
  }
  return changes;
}

const std::vector<zone_change>& changes() {
  static const std::vector<zone_change> all = read_changes();
  return all;
}

seconds offset_at(sys_seconds t) {
  const auto& all = changes();
  const auto after =
      std::upper_bound(all.begin(), all.end(), t.time_since_epoch().count(),
                       [](std::int64_t s, const zone_change& c) { return s < c.from_s; });
  return seconds{after == all.begin() ? all.front().offset_s : std::prev(after)->offset_s};
}

// A wall-clock time in Budapest as UTC. Repeated hour: the first; skipped hour: as if the old
// offset still held.
sys_seconds from_local(seconds since_epoch_local) {
  const sys_seconds guess{since_epoch_local};
  const auto before = offset_at(guess - hours{26});
  const sys_seconds with_before{since_epoch_local - before};
  if (offset_at(with_before) == before) return with_before;
  const auto after = offset_at(guess + hours{26});
  const sys_seconds with_after{since_epoch_local - after};
  return offset_at(with_after) == after ? with_after : with_before;
}

struct digits {
  std::string_view rest;
  bool ok = true;

  int number(std::size_t width) {
    if (!ok || rest.size() < width) return fail();
    int n = 0;
    for (char c : rest.substr(0, width)) {
      if (c < '0' || c > '9') return fail();
      n = n * 10 + (c - '0');
    }
    rest.remove_prefix(width);
    return n;
  }
  bool take(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  void need(char c) { ok = ok && take(c); }
  int fail() {
    ok = false;
    return 0;
  }
};

civil_date read_date(digits& in) {
  const int y = in.number(4);
  in.need('-');
  const int m = in.number(2);
  in.need('-');
  const int d = in.number(2);
  const civil_date day{year{y}, month{static_cast<unsigned>(m)},
                       std::chrono::day{static_cast<unsigned>(d)}};
  if (!day.ok() || y < 1) in.fail();
  return day;
}

// Fractional seconds: any number of digits, cut to milliseconds.
milliseconds read_fraction(digits& in) {
  int value = 0;
  int count = 0;
  while (!in.rest.empty() && in.rest.front() >= '0' && in.rest.front() <= '9') {
    if (count < 3) value = value * 10 + (in.rest.front() - '0');
    ++count;
    in.rest.remove_prefix(1);
  }
  if (count == 0 || count > 9) in.fail();
  for (; count < 3; ++count) value *= 10;
  return milliseconds{value};
}

// "Z", "+01:00", "+0100", "+01": seconds east; nullopt: none given.
std::optional<seconds> read_offset(digits& in) {
  if (in.take('Z') || in.take('z')) return seconds{0};
  const bool west = !in.rest.empty() && in.rest.front() == '-';
  if (!west && (in.rest.empty() || in.rest.front() != '+')) return std::nullopt;
  in.rest.remove_prefix(1);
  const int h = in.number(2);
  int m = 0;
  if (in.take(':') || !in.rest.empty()) m = in.number(2);
  if (h > 14 || m > 59) in.fail();
  const seconds east = hours{h} + minutes{m};
  return west ? -east : east;
}

}  // namespace

civil_date budapest_day(instant t) {
  const auto s = floor<seconds>(t);
  return civil_date{floor<days>(s + offset_at(s))};
}

instant budapest_midnight(civil_date day) {
  CONSENTRY_CHECK(day.ok());
  return from_local(sys_days{day}.time_since_epoch());
}

civil_date add_months(civil_date day, int count) {
  const auto month_on = year_month{day.year(), day.month()} + months{count};
  const civil_date same_day = month_on / day.day();
  return same_day.ok() ? same_day : civil_date{month_on / last};
}

std::optional<civil_date> parse_date(std::string_view text) {
  digits in{text};
  const auto day = read_date(in);
  return in.ok && in.rest.empty() ? std::optional{day} : std::nullopt;
}

std::string to_string(civil_date day) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()),
                     static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

std::optional<instant> parse_timestamp(std::string_view text) {
  digits in{text};
  const auto day = read_date(in);
  if (!in.ok) return std::nullopt;
  if (in.rest.empty()) return budapest_midnight(day);
  if (!in.take('T') && !in.take('t') && !in.take(' ')) return std::nullopt;
  const int h = in.number(2);
  in.need(':');
  const int m = in.number(2);
  int s = 0;
  milliseconds fraction{0};
  if (in.take(':')) s = in.number(2);
  if (in.take('.')) fraction = read_fraction(in);
  const auto offset = read_offset(in);
  if (!in.ok || !in.rest.empty() || h > 23 || m > 59 || s > 60) return std::nullopt;
  const seconds local = sys_days{day}.time_since_epoch() + hours{h} + minutes{m} + seconds{s};
  return offset ? instant{local - *offset + fraction} : instant{from_local(local)} + fraction;
}

std::string to_string_utc(instant t) {
  const auto day = floor<days>(t);
  const hh_mm_ss time{t - day};
  return fmt::format("{}T{:02}:{:02}:{:02}.{:03}Z", to_string(civil_date{day}),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

namespace {

struct local_time {
  sys_days day;
  hh_mm_ss<seconds> time;
  seconds offset;
};

local_time in_budapest(instant t) {
  const auto s = floor<seconds>(t);
  const auto offset = offset_at(s);
  const auto local = s + offset;
  const auto day = floor<days>(local);
  return {day, hh_mm_ss<seconds>{local - day}, offset};
}

}  // namespace

std::string to_string_budapest(instant t) {
  const auto l = in_budapest(t);
  const auto minutes_east = l.offset.count() / 60;
  return fmt::format("{}T{:02}:{:02}:{:02}{}{:02}:{:02}", to_string(civil_date{l.day}),
                     l.time.hours().count(), l.time.minutes().count(), l.time.seconds().count(),
                     minutes_east < 0 ? '-' : '+', std::abs(minutes_east) / 60,
                     std::abs(minutes_east) % 60);
}

std::string to_rfc5322(instant t) {
  static constexpr const char* week[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* year_months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto l = in_budapest(t);
  const civil_date d{l.day};
  const auto minutes_east = l.offset.count() / 60;
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} {}{:02}{:02}",
                     week[weekday{l.day}.c_encoding()], static_cast<unsigned>(d.day()),
                     year_months[static_cast<unsigned>(d.month()) - 1], static_cast<int>(d.year()),
                     l.time.hours().count(), l.time.minutes().count(), l.time.seconds().count(),
                     minutes_east < 0 ? '-' : '+', std::abs(minutes_east) / 60,
                     std::abs(minutes_east) % 60);
}

}  // namespace consentry
