#include "app/probe_log.h"

#include <algorithm>

#include "base/bytes.h"

namespace consentry::app {
namespace {

constexpr std::size_t day_minutes = 1440, day_bytes = day_minutes / 8;
constexpr std::size_t outages_max = 20;

std::string key_of(std::int64_t day) {
  return byte_writer{}.be32(static_cast<std::uint32_t>(day)).take();
}

std::int64_t day_of(minutes_time t) {
  return std::chrono::floor<std::chrono::days>(t).time_since_epoch().count();
}

std::size_t minute_of(minutes_time t) {
  return static_cast<std::size_t>((t - std::chrono::floor<std::chrono::days>(t)).count());
}

}  // namespace

minutes_time year_begin(int year) {
  const civil_date first{std::chrono::year{year}, std::chrono::January, std::chrono::day{1}};
  return std::chrono::floor<std::chrono::minutes>(budapest_midnight(first));
}

bool availability::holds() const noexcept {
  return down * 100 <= year_minutes;
}

availability availability_of(int year, minutes_time from, const std::vector<bool>& up,
                             minutes_time now) {
  availability a{.year = year};
  const auto begin = year_begin(year), end = year_begin(year + 1);
  a.year_minutes = (end - begin).count();
  a.is_over = now >= end;
  const auto until = std::clamp(now, begin, end);
  a.minutes = (until - begin).count();
  std::optional<minutes_time> since;
  const auto close = [&](minutes_time t) {
    if (since) a.outages.push_back({*since, t});
    since.reset();
  };
  for (auto t = begin; t < until; t += std::chrono::minutes{1}) {
    const auto i = (t - from).count();
    const bool is_up =
        i >= 0 && i < static_cast<std::int64_t>(up.size()) && up[static_cast<std::size_t>(i)];
    if (is_up) {
      close(t);
    } else {
      ++a.down;
      if (!since) since = t;
    }
  }
  close(until);
  std::ranges::stable_sort(
      a.outages, [](const auto& x, const auto& y) { return x.until - x.from > y.until - y.from; });
  if (a.outages.size() > outages_max) a.outages.resize(outages_max);
  return a;
}

probe_log::probe_log(store_env& env) : days_{env.open_table("probe_days")} {}

void probe_log::note_up(write_txn& txn, minutes_time at) const {
  const auto key = key_of(day_of(at));
  const auto known = txn.get(days_, key);
  auto bits =
      known && known->size() == day_bytes ? std::string{*known} : std::string(day_bytes, '\0');
  const auto m = minute_of(at);
  bits[m / 8] = static_cast<char>(static_cast<unsigned char>(bits[m / 8]) | (1u << (m % 8)));
  txn.put(days_, key, bits);
}

std::vector<bool> probe_log::read(const read_txn& txn, minutes_time from,
                                  minutes_time until) const {
  std::vector<bool> out;
  if (from >= until) return out;
  out.resize(static_cast<std::size_t>((until - from).count()));
  for (auto t = from; t < until;) {
    const auto next = minutes_time{std::chrono::floor<std::chrono::days>(t) + std::chrono::days{1}};
    if (const auto bits = txn.get(days_, key_of(day_of(t))); bits && bits->size() == day_bytes)
      for (auto at = t; at < std::min(next, until); at += std::chrono::minutes{1}) {
        const auto m = minute_of(at);
        out[static_cast<std::size_t>((at - from).count())] =
            (static_cast<unsigned char>((*bits)[m / 8]) >> (m % 8) & 1) != 0;
      }
    t = next;
  }
  return out;
}

std::optional<minutes_time> probe_log::first(const read_txn& txn) const {
  auto c = txn.scan(days_);
  if (!c.first() || c.value().size() != day_bytes) return std::nullopt;
  const minutes_time day{std::chrono::sys_days{std::chrono::days{byte_reader{c.key()}.be32()}}};
  for (std::size_t m = 0; m < day_minutes; ++m)
    if ((static_cast<unsigned char>(c.value()[m / 8]) >> (m % 8) & 1) != 0)
      return day + std::chrono::minutes{m};
  return day;
}

}  // namespace consentry::app
