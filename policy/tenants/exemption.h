// A sector exemption (RULES A6): content of one suspicious category, S1 to S7, passes for a tenant
// whose trade it is (a pharmacy, a licensed lender). Granted by a person, with a reason, to a last
// day. There is none by default, and none for the hard categories H1 to H8 (FIXED).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/civil_date.h"
#include "base/clock.h"
#include "base/result.h"

namespace consentry::policy::tenants {

// "S1" to "S7".
bool is_exemptible(std::string_view category) noexcept;
// invalid, with a text that says why, for all others: those of the hard categories too.
result<void> check_exemptible(std::string_view category);

struct exemption {
  std::uint32_t number = 0;  // of the tenant, from 1; never given again
  std::string category;      // "S1"
  std::string approver;      // "desk:<login>"
  std::string reason;
  instant granted_at{};
  civil_date last_day{};            // counts to the end of this day in Budapest
  std::optional<instant> ended_at;  // a person ended it before
  std::string ended_by;
  std::string end_reason;

  bool counts_at(instant now) const;
  friend bool operator==(const exemption&, const exemption&) = default;
};

// "x3"
std::string exemption_id(std::uint32_t number);
std::optional<std::uint32_t> parse_exemption_id(std::string_view text) noexcept;

// "x3 to 2027-01-31, granted by desk:anna (pharmacy licence 12/2026)": for verdicts.
std::string to_text(const exemption& x);

// What is stored in table exemptions, without the number. decode_exemption throws decode_error,
// also for a category that cannot be exempted.
std::string encode(const exemption& x);
exemption decode_exemption(std::uint32_t number, std::string_view bytes);

}  // namespace consentry::policy::tenants
