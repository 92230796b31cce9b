// Where the queue tells what happened. app implements it: journal, tally, suppression and consent
// change in the same transaction as the queue, so that they never disagree.
#pragma once

#include <chrono>
#include <string>

#include "base/lmdb_env.h"
#include "queue/dispatch_gate.h"
#include "queue/queued_message.h"
#include "smtp/bounce_class.h"
#include "smtp/outcome.h"

namespace consentry::queue {

struct attempt_facts {
  instant at{};
  std::uint32_t number = 0;  // of attempts at this recipient, this one included
  // A next hop was tried. false: refused by the gate, or expired in the queue.
  bool transmitted = false;
  // Deferred, but the final dot may have reached the next hop.
  bool maybe_delivered = false;
  // Stable, where the reply does not say it: "consent.expired", "queue.expired".
  std::string reason;
  std::string rule;
  std::string policy_version;  // of the decision now
  // Not delivered: what the reply means, and by which rule of conf/bounces.toml.
  smtp::bounce_class bounce = smtp::bounce_class::none;
  std::string bounce_rule;
  instant next_attempt_at{};  // deferred only
  std::chrono::milliseconds took{};
};

class outcome_sink {
 public:
  virtual ~outcome_sink() = default;

  // Inside the commit operation, on the writer thread; may be run again (commit_loop.h). m and r
  // are as they were before, with the address. o.kind bounced is final, also where the last reply
  // was 4xx and the time was up.
  virtual void record(write_txn& txn, const queued_message& m, const queued_recipient& r,
                      const smtp::outcome& o, const attempt_facts& facts) = 0;

  // The gate said hold. Same rules.
  virtual void held(write_txn& txn, const queued_message& m, const queued_recipient& r,
                    const dispatch_decision& why) = 0;

  // A DSN was queued. Same rules. notice.about is the message it speaks of.
  virtual void notice_queued(write_txn& txn, const queued_message& notice,
                             const queued_recipient& to) = 0;

  // After the commit of record() is on disk, once, on the scheduler's executor: counters, log.
  virtual void settled(const queued_message& m, const queued_recipient& r, const smtp::outcome& o,
                       const attempt_facts& facts) = 0;
};

}  // namespace consentry::queue
