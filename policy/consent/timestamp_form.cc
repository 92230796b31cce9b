#include "policy/consent/timestamp_form.h"

#include <array>
#include <chrono>

// form = u8 zone(2) space(1) detail(2) offset(3), and an i8 of quarters where offset is 7

namespace consentry::policy::consent {

namespace {

using namespace std::chrono;
using detail = timestamp_form::detail;
using zone = timestamp_form::zone;

constexpr int quarters_max = 14 * 4;
constexpr unsigned offset_follows = 7;

// -1: not digits.
int number(std::string_view text, std::size_t at, std::size_t width) noexcept {
  int n = 0;
  for (std::size_t i = at; i < at + width; ++i) {
    const auto c = i < text.size() ? text[i] : 'x';
    if (c < '0' || c > '9') return -1;
    n = n * 10 + (c - '0');
  }
  return n;
}

void put(std::string& out, int n, std::size_t width) {
  std::array<char, 4> digits{};
  for (std::size_t i = width; i-- > 0; n /= 10) digits[i] = static_cast<char>('0' + n % 10);
  out.append(digits.data(), width);
}

std::size_t length_of(detail d) noexcept {
  static constexpr std::array<std::size_t, 4> lengths{10, 16, 19, 23};
  return lengths[static_cast<std::size_t>(d)];
}

// What of the text the wall time is, by its length and its end.
std::optional<timestamp_form> shape_of(std::string_view text) noexcept {
  timestamp_form f;
  auto length = text.size();
  if (length == 10) {
    f.shown = detail::day;
    return f;
  }
  if (length < 16) return std::nullopt;
  if (text.back() == 'Z') {
    f.ends = zone::z;
    length -= 1;
  } else if (length >= 22 && (text[length - 6] == '+' || text[length - 6] == '-')) {
    f.ends = zone::colon;
    length -= 6;
  } else if (length >= 21 && (text[length - 5] == '+' || text[length - 5] == '-')) {
    f.ends = zone::plain;
    length -= 5;
  }
  f.has_space = text[10] == ' ';
  for (const auto d : {detail::minutes, detail::seconds, detail::milliseconds})
    if (length == length_of(d)) {
      f.shown = d;
      return f;
    }
  return std::nullopt;
}

std::optional<milliseconds> wall_time(std::string_view text, const timestamp_form& f) noexcept {
  const int y = number(text, 0, 4), m = number(text, 5, 2), d = number(text, 8, 2);
  if (y < 0 || m < 0 || d < 0) return std::nullopt;
  const year_month_day day{year{y}, month{static_cast<unsigned>(m)},
                           std::chrono::day{static_cast<unsigned>(d)}};
  if (!day.ok()) return std::nullopt;
  milliseconds at = sys_days{day}.time_since_epoch();
  const auto add = [&](std::size_t place, std::size_t width, milliseconds unit) {
    const int n = number(text, place, width);
    at += n * unit;
    return n >= 0;
  };
  if (f.shown == detail::day) return at;
  if (!add(11, 2, hours{1}) || !add(14, 2, minutes{1})) return std::nullopt;
  if (f.shown >= detail::seconds && !add(17, 2, seconds{1})) return std::nullopt;
  if (f.shown == detail::milliseconds && !add(20, 3, milliseconds{1})) return std::nullopt;
  return at;
}

}  // namespace

std::optional<timestamp_form> form_of(std::string_view text, instant t) {
  auto f = shape_of(text);
  if (!f) return std::nullopt;
  const auto wall = wall_time(text, *f);
  if (!wall) return std::nullopt;
  const auto east = *wall - t.time_since_epoch();
  constexpr minutes quarter{15};
  if (east % quarter != milliseconds{0}) return std::nullopt;
  const auto quarters = east / quarter;
  if (quarters > quarters_max || quarters < -quarters_max) return std::nullopt;
  f->quarters_east = static_cast<std::int8_t>(quarters);
  // Whatever was overlooked above shows here.
  if (text_of(*f, t) != text) return std::nullopt;
  return f;
}

std::string text_of(const timestamp_form& f, instant t) {
  const minutes east{15 * f.quarters_east};
  const auto wall = t + east;
  const auto day = floor<days>(wall);
  const year_month_day date{day};
  const hh_mm_ss time{wall - day};
  std::string out;
  out.reserve(29);
  put(out, static_cast<int>(date.year()), 4);
  out += '-';
  put(out, static_cast<int>(static_cast<unsigned>(date.month())), 2);
  out += '-';
  put(out, static_cast<int>(static_cast<unsigned>(date.day())), 2);
  if (f.shown == detail::day) return out;
  out += f.has_space ? ' ' : 'T';
  put(out, static_cast<int>(time.hours().count()), 2);
  out += ':';
  put(out, static_cast<int>(time.minutes().count()), 2);
  if (f.shown >= detail::seconds) {
    out += ':';
    put(out, static_cast<int>(time.seconds().count()), 2);
  }
  if (f.shown == detail::milliseconds) {
    out += '.';
    put(out, static_cast<int>(time.subseconds().count()), 3);
  }
  if (f.ends == zone::none) return out;
  if (f.ends == zone::z) return out += 'Z';
  const auto away = static_cast<int>(abs(east).count());
  out += east < minutes{0} ? '-' : '+';
  put(out, away / 60, 2);
  if (f.ends == zone::colon) out += ':';
  put(out, away % 60, 2);
  return out;
}

std::string pack(const timestamp_form& f) {
  const bool is_usual = f.quarters_east == 0 || f.quarters_east == 4 || f.quarters_east == 8;
  const unsigned offset = is_usual ? static_cast<unsigned>(f.quarters_east) / 4 : offset_follows;
  const auto first = static_cast<unsigned>(f.ends) << 6 | (f.has_space ? 1U : 0U) << 5 |
                     static_cast<unsigned>(f.shown) << 3 | offset;
  std::string out(1, static_cast<char>(first));
  if (!is_usual) out += static_cast<char>(f.quarters_east);
  return out;
}

std::size_t unpack(std::string_view bytes, timestamp_form& f) noexcept {
  if (bytes.empty()) return 0;
  const auto first = static_cast<unsigned char>(bytes[0]);
  f.ends = static_cast<zone>(first >> 6);
  f.has_space = (first >> 5 & 1U) != 0;
  f.shown = static_cast<detail>(first >> 3 & 3U);
  const unsigned offset = first & 7U;
  if (offset <= 2) {
    f.quarters_east = static_cast<std::int8_t>(offset * 4);
    return 1;
  }
  if (offset != offset_follows || bytes.size() < 2) return 0;
  f.quarters_east = static_cast<std::int8_t>(bytes[1]);
  return f.quarters_east <= quarters_max && f.quarters_east >= -quarters_max ? 2 : 0;
}

}  // namespace consentry::policy::consent
