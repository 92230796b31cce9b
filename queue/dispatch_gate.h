// What the queue asks before it lets a message out; the queue itself never judges. app implements
// it.
#pragma once

#include <string>

#include "base/clock.h"
#include "queue/queued_message.h"
#include "smtp/reply.h"

namespace consentry::queue {

struct dispatch_decision {
  enum class act : std::uint8_t {
    proceed,
    hold,    // until somebody releases it (queue_store::release)
    refuse,  // never: the recipient bounces, with a DSN
    defer,   // ask again at `until`; counts as no attempt
  };
  act what = act::proceed;
  std::string reason;          // "consent.expired"
  std::string rule;            // "A3"
  std::string policy_version;  // that decided now; the message has the one that accepted it
  std::string text;            // refuse: what the sender reads in the DSN
  smtp::enhanced_code code{5, 7, 1};
  instant until{};
};

class dispatch_gate {
 public:
  virtual ~dispatch_gate() = default;

  // At each attempt, on the scheduler's executor; must be quick (reads of the store, no I/O waits).
  // Notices are not asked about.
  virtual dispatch_decision ask(const queued_message& m, const queued_recipient& r) = 0;

  // Looked at just before MAIL FROM is written. Any thread, wait-free: one in-memory flag per
  // tenant and stream. false: the attempt is broken off before anything was said, and ask() is
  // called again.
  virtual bool may_start(tenant_id tenant, smtp::stream stream) noexcept = 0;
};

}  // namespace consentry::queue
