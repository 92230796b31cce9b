// A consent that somebody wanted written and that was refused: what the person's history keeps of
// it (RULES D1). consent_ledger::note_refused writes it, bounded.
//
//   consent_refusals   tenant(4) -> day(4) count(4)   how many were noted on that day in Budapest
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "policy/consent/consent_record.h"

namespace consentry::policy::consent {

struct consent_refusal {
  consent_key key;
  std::string reason;  // "import.too_old", "consent.erased": stable
};

// Of one tenant on one day; who sends more is answered as ever, and nothing more is noted.
inline constexpr std::uint32_t refusals_noted_a_day = 1000;
// Of one person, without anything else happening to his consents in between.
inline constexpr std::size_t refusals_noted_in_a_row = 16;
// Of topic and sender, which are whatever stood in the row.
inline constexpr std::size_t refused_name_bytes_max = 100;

// The rule behind the reason; "D1" where the row itself is not as it should be.
std::string_view rule_of_refusal(std::string_view reason) noexcept;

}  // namespace consentry::policy::consent
