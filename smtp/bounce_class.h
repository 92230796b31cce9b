// One place turns a reply into what it means for retry and for the address.
#pragma once

#include <cstdint>
#include <string_view>

#include "smtp/reply.h"

namespace consentry::smtp {

enum class bounce_class : std::uint8_t {
  none,         // 2xx
  bad_address,  // this address does not exist: suppress it
  mailbox_full,
  policy,  // refused for content, reputation or authentication: the address may be good
  protocol,
  transient,  // try again
  relay,      // routing, DNS, null MX
  other_permanent,
};

std::string_view to_string(bounce_class c) noexcept;

// From the enhanced code first, then the basic code (RFC 3463, RFC 5321 section 4.2.3).
bounce_class classify(const reply& r) noexcept;

// RULES 5.4 and M3AAWG: true where the address itself is dead, and no mail should be sent to it
// again.
bool is_hard(bounce_class c) noexcept;

}  // namespace consentry::smtp
