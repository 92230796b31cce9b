// What came of one attempt to deliver to one recipient.
#pragma once

#include <cstdint>
#include <string>

#include "smtp/reply.h"

namespace consentry::smtp {

enum class outcome_kind : std::uint8_t {
  delivered = 1,  // 2xx after the final dot: the next hop has it
  deferred = 2,   // try again later
  bounced = 3,    // never try again
};

constexpr std::string_view to_string(outcome_kind k) noexcept {
  return k == outcome_kind::delivered  ? "delivered"
         : k == outcome_kind::deferred ? "deferred"
                                       : "bounced";
}

// Whose fault it was, which decides what may still be tried at once (another host) and what must
// wait.
enum class outcome_scope : std::uint8_t { recipient, message, session, site };

struct outcome {
  outcome_kind kind = outcome_kind::deferred;
  outcome_scope scope = outcome_scope::recipient;
  reply last_reply;         // the peer's; code 0: no reply (see cause)
  std::string remote_host;  // MX name; empty: none was reached
  std::string remote_ip;
  std::string tls;        // "TLSv1.3 TLS_AES_256_GCM_SHA384", empty: clear text
  std::string cause;      // ours, when there is no reply: "connection refused", "null MX"
  std::string signed_by;  // DKIM: "sender.example/s1, gw.example/g1", domains and selectors
};

}  // namespace consentry::smtp
