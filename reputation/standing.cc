#include "reputation/standing.h"

#include <algorithm>

namespace consentry::reputation {
namespace {

constexpr std::uint64_t per_mailing = 1000;  // "1 per 1000 e-mails" (clause 5.2)

}  // namespace

std::string_view to_string(standing_verdict v) noexcept {
  switch (v) {
    case standing_verdict::good:
      return "good";
    case standing_verdict::warn:
      return "warn";
    case standing_verdict::block:
      return "block";
  }
  return "unknown";
}

bool exceeds_ratio(complaint_count count, std::uint64_t floor) noexcept {
  // C * 1000 > M for whole C is C > M / 1000 rounded down: the same, without overflow.
  return count.complaints > std::max(count.delivered, floor) / per_mailing;
}

bool reaches_warning(complaint_count count, std::uint64_t floor, unsigned warn_percent) noexcept {
  if (count.complaints == 0) return false;
  // C * 1000 * 100 >= M * p. Wide, because M * p may pass 64 bits; for 128 they cannot.
  __extension__ using wide = unsigned __int128;
  return wide{count.complaints} * per_mailing * 100 >=
         wide{std::max(count.delivered, floor)} * warn_percent;
}

std::string_view to_string(provider_verdict v) noexcept {
  switch (v) {
    case provider_verdict::good:
      return "good";
    case provider_verdict::warn:
      return "warn";
    case provider_verdict::alarm:
      return "alarm";
  }
  return "unknown";
}

provider_verdict judge_provider(complaint_count count, const standing_knobs& knobs) noexcept {
  __extension__ using wide = unsigned __int128;
  const auto base = std::max(count.delivered, knobs.ratio_floor);
  const auto is_over = [&](unsigned hundredths) {
    return wide{count.complaints} * 10'000 > wide{base} * hundredths;
  };
  if (is_over(knobs.provider_alarm)) return provider_verdict::alarm;
  return is_over(knobs.provider_warn) ? provider_verdict::warn : provider_verdict::good;
}

standing_decision decide(const tenant_figures& figures, const standing_knobs& knobs) {
  const auto judge = [&](const complaint_count& count) {
    if (exceeds_ratio(count, knobs.ratio_floor)) return standing_verdict::block;
    if (reaches_warning(count, knobs.ratio_floor, knobs.warn_percent))
      return standing_verdict::warn;
    return standing_verdict::good;
  };
  standing_decision worst{.verdict = judge(figures.tenant), .count = figures.tenant};
  for (const auto& c : figures.campaigns)
    if (const auto v = judge(c.count); v > worst.verdict)
      worst = {.verdict = v, .by_campaign = true, .campaign = c.campaign, .count = c.count};
  return worst;
}

}  // namespace consentry::reputation
