// What a reply means for retry and for the address, by names that stand in the journal.
// Which reply means what says conf/bounces.toml (bounce_rules.h).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace consentry::smtp {

enum class bounce_class : std::uint8_t {
  none,              // 2xx
  bad_address,       // there is no such mailbox, or it has moved: hard
  bad_domain,        // there is no such domain, or it takes no mail: hard
  mailbox_full,      //
  mailbox_disabled,  // closed by its owner's provider, for now or for good: only that one knows
  policy,            // refused by a rule: authentication, relaying, who may write
  reputation,        // block lists, our address or domain
  content,           // spam, viruses, links, size
  rate,              // too much, too fast
  greylisted,        //
  protocol,          // syntax, unsupported features
  routing,           // DNS, loops, unreachable hosts
  expired,           // another system gave up waiting
  transient,         // 4xx of which no more is known
  other_permanent,   // 5xx of which no more is known
};

inline constexpr std::array all_bounce_classes{
    bounce_class::none,         bounce_class::bad_address,      bounce_class::bad_domain,
    bounce_class::mailbox_full, bounce_class::mailbox_disabled, bounce_class::policy,
    bounce_class::reputation,   bounce_class::content,          bounce_class::rate,
    bounce_class::greylisted,   bounce_class::protocol,         bounce_class::routing,
    bounce_class::expired,      bounce_class::transient,        bounce_class::other_permanent};

std::string_view to_string(bounce_class c) noexcept;
std::optional<bounce_class> parse_bounce_class(std::string_view name) noexcept;

// What it is about: "address", "mailbox", "policy", "content", "rate", "protocol", "routing",
// "unknown"; "" for none.
std::string_view subject_of(bounce_class c) noexcept;

// RULES 5.4 and M3AAWG: true where the address itself is dead, and no mail should be sent to it
// again.
constexpr bool is_hard(bounce_class c) noexcept {
  return c == bounce_class::bad_address || c == bounce_class::bad_domain;
}

}  // namespace consentry::smtp
