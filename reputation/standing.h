// The decision to stop a tenant's bulk mail (RULES A5, clause 5.2 of the terms). Pure: no clock, no
// store, no effect. blocker.h acts on it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reputation/figures.h"

namespace consentry::reputation {

struct standing_knobs {
  std::uint64_t ratio_floor = 1000;  // ratio.floor; 1 gives the literal reading of the terms
  int window_days = 30;              // ratio.window_days
  unsigned warn_percent = 50;        // ratio.warn, in hundredths of the limit
  int complaint_max_age_days = 90;   // complaint.max_age_days
  bool unblock_resets = true;        // unblock.reset
  unsigned provider_warn = 10;       // RULES C6, hundredths of a percent, strictly more
  unsigned provider_alarm = 30;
};

enum class standing_verdict : std::uint8_t { good = 0, warn = 1, block = 2 };
std::string_view to_string(standing_verdict v) noexcept;

// What decided: the tenant over the window, or one campaign over its life. Where several call for
// the same verdict, the tenant stands before campaigns, and these in their order.
struct standing_decision {
  standing_verdict verdict = standing_verdict::good;
  bool by_campaign = false;
  std::string campaign;   // when by_campaign
  complaint_count count;  // of the tenant or that campaign

  friend bool operator==(const standing_decision&, const standing_decision&) = default;
};

// "More than 1 per 1000", strictly: C*1000 > max(N, floor), in whole numbers.
bool exceeds_ratio(complaint_count count, std::uint64_t floor) noexcept;
// At or over warn_percent of that limit, with at least one complaint.
bool reaches_warning(complaint_count count, std::uint64_t floor, unsigned warn_percent) noexcept;

// Complaints per delivered at one provider (RULES C6), with the same floor. Beside the standing: no
// block follows.
enum class provider_verdict : std::uint8_t { good = 0, warn = 1, alarm = 2 };
std::string_view to_string(provider_verdict v) noexcept;
provider_verdict judge_provider(complaint_count count, const standing_knobs& knobs) noexcept;

standing_decision decide(const tenant_figures& figures, const standing_knobs& knobs);

}  // namespace consentry::reputation
