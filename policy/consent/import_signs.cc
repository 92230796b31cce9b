#include "policy/consent/import_signs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/result.h"
#include "base/text.h"

namespace consentry::policy::consent {

namespace {

name_set read_names(const std::filesystem::path& file) {
  std::ifstream in{file};
  if (!in) throw configuration_error(file.string() + ": cannot be read");
  name_set out;
  std::string line;
  while (std::getline(in, line)) {
    const auto name = trim(line);
    if (!name.empty() && name.front() != '#') out.insert(ascii_lower(name));
  }
  if (out.empty()) throw configuration_error(file.string() + ": has no names");
  return out;
}

// FNV-1a: says nothing secret, only which addresses are looked at.
std::uint64_t plain_hash(std::string_view s) noexcept {
  std::uint64_t h = 14695981039346656037ULL;
  for (const unsigned char c : s) h = (h ^ c) * 1099511628211ULL;
  return h ^ h >> 29;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

bool is_known(const name_set& names, std::string_view name) {
  return names.find(name) != names.end();
}

// A domain below a listed one is as throw-away as that.
bool is_throwaway(const known_lists& lists, std::string_view domain) {
  for (;;) {
    if (is_known(lists.throwaway_domains, domain)) return true;
    const auto dot = domain.find('.');
    if (dot == domain.npos || domain.find('.', dot + 1) == domain.npos) return false;
    domain.remove_prefix(dot + 1);
  }
}

// A time of day shared by a hundredth of the rows is no coincidence; a day shared by a fifth may be
// a busy one, so it takes more.
constexpr double frequent_time = 0.01, frequent_day = 0.2;

// From nothing at `from` to all the points at `full`.
struct weight {
  double from, full;
  int points;
  int of(double share) const {
    if (share < from) return 0;
    return static_cast<int>(
        std::lround(points * std::min(1.0, (share - from / 2) / (full - from / 2))));
  }
};
constexpr weight overlap_weight{.from = 0.3, .full = 0.8, .points = 70};
constexpr weight same_time_weight{.from = 0.2, .full = 0.8, .points = 40};
constexpr weight roles_weight{.from = 0.05, .full = 0.3, .points = 25};
constexpr weight throwaways_weight{.from = 0.01, .full = 0.1, .points = 25};
// Early mail says more than any guess: 5 percent dead addresses hold a campaign (RULES 5.4), one
// complaint in a thousand blocks (RULES A5).
constexpr weight bounced_weight{.from = 0.03, .full = 0.1, .points = 70};
constexpr weight complained_weight{.from = 0.001, .full = 0.005, .points = 70};
constexpr std::uint64_t outcomes_min = 100;

}  // namespace

known_lists load_known_lists(const std::filesystem::path& roles,
                             const std::filesystem::path& throwaway_domains) {
  return {.roles = read_names(roles), .throwaway_domains = read_names(throwaway_domains)};
}

void frequent_values::see(std::uint64_t value) {
  if (value == last_value_ && last_count_ != 0) {
    ++last_count_;
    return;
  }
  settle();
  last_value_ = value;
  last_count_ = 1;
}

void frequent_values::settle() {
  if (last_count_ == 0) return;
  seen_ += last_count_;
  const auto count = std::exchange(last_count_, 0);
  const auto found = counts_.find(last_value_);
  if (found != counts_.end())
    found->second += count;
  else
    counts_.emplace(last_value_, count);
  if (counts_.size() > slots) {
    auto least = count;
    for (const auto& [v, n] : counts_) least = std::min(least, n);
    give_back(least);
  }
}

void frequent_values::give_back(std::uint64_t count) {
  for (auto it = counts_.begin(); it != counts_.end();) {
    it->second -= std::min(it->second, count);
    it = it->second == 0 ? counts_.erase(it) : std::next(it);
  }
}

void frequent_values::add(const frequent_values& more) {
  auto other = more;
  other.settle();
  settle();
  seen_ += other.seen_;
  for (const auto& [value, count] : other.counts_) counts_[value] += count;
  if (counts_.size() <= slots) return;
  std::vector<std::uint64_t> all;
  for (const auto& [value, count] : counts_) all.push_back(count);
  std::ranges::nth_element(all, all.begin() + slots, std::greater<>{});
  give_back(all[slots]);
}

double frequent_values::share_of_frequent(double least_share) const {
  auto whole = *this;
  whole.settle();
  std::uint64_t sum = 0;
  for (const auto& [value, count] : whole.counts_)
    if (share(count, whole.seen_) >= least_share) sum += count;
  return share(sum, whole.seen_);
}

bool is_sampled(std::string_view address_key) noexcept {
  return plain_hash(address_key) % sample_rate == 0;
}

void import_signs::see(std::string_view address_key, std::string_view given_at,
                       const known_lists* lists) {
  ++rows;
  if (!given_at.empty()) (given_at.size() > 10 ? times : days).see(plain_hash(given_at));
  if (lists == nullptr) return;
  const auto at = address_key.rfind('@');
  if (at == address_key.npos) return;
  if (is_known(lists->roles, address_key.substr(0, at))) ++roles;
  if (is_throwaway(*lists, address_key.substr(at + 1))) ++throwaways;
}

void import_signs::add(const import_signs& more) {
  rows += more.rows;
  roles += more.roles;
  throwaways += more.throwaways;
  times.add(more.times);
  days.add(more.days);
}

double rounded_share(std::uint64_t part, std::uint64_t whole) {
  return std::round(share(part, whole) * 20) / 20;
}

import_shares shares_of(const import_signs& s) {
  import_shares out;
  out.rows = s.rows;
  out.roles = share(s.roles, s.rows);
  out.throwaways = share(s.throwaways, s.rows);
  frequent_values times = s.times, days = s.days;
  const auto all = static_cast<double>(std::max<std::uint64_t>(1, s.rows));
  times.add({});
  days.add({});
  out.same_time = times.share_of_frequent(frequent_time) * static_cast<double>(times.seen()) / all +
                  days.share_of_frequent(frequent_day) * static_cast<double>(days.seen()) / all;
  return out;
}

import_score score_of(const import_shares& s) {
  import_score out;
  if (s.rows <= signs_rows_min) return out;
  int sum = 0;
  const auto weigh = [&](const weight& w, double share, std::string_view text) {
    const int points = w.of(share);
    if (points == 0) return;
    sum += points;
    out.reasons.push_back(fmt::format("{:.{}f} % {}", share * 100, share < 0.1 ? 1 : 0, text));
  };
  if (s.overlap)
    weigh(overlap_weight, *s.overlap, "of the addresses are in other tenants' imports too");
  weigh(same_time_weight, s.same_time, "of the rows share their given_at with many others");
  weigh(roles_weight, s.roles, "of the addresses are of roles, such as info@");
  weigh(throwaways_weight, s.throwaways, "of the addresses are in throw-away domains");
  const auto tried = s.delivered + s.bounced;
  if (tried >= outcomes_min) {
    weigh(bounced_weight, share(s.bounced, tried), "of the first mails came back for good");
    weigh(complained_weight, share(s.complained, std::max<std::uint64_t>(1000, s.delivered)),
          "of the first mails drew a complaint");
  }
  out.points = std::min(100, sum);
  return out;
}

}  // namespace consentry::policy::consent
