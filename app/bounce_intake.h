// What a bounce does that comes back after the delivery (RULES 5.4, A3): the delivery renews no
// consent, the sent record is marked, and the address is suppressed where it is dead.
#pragma once

#include <optional>
#include <string>

#include "app/store_rooms.h"
#include "base/clock.h"
#include "policy/policy_set.h"
#include "reputation/bounce_report.h"
#include "smtp/bounce_rules.h"

namespace consentry::app {

// Of one mail to one return path of ours; the copy had one recipient, so whatever addresses the
// report names (a forwarding leads to others), it speaks of that one.
struct late_bounce {
  smtp::bounce_verdict verdict;
  std::string status;  // "5.1.1", "" where none was told
  int code = 0;
  std::string host;  // that refused, may be empty
};

// nullopt: the mail is no bounce, or tells of a delay only. Of several recipients the mildest
// counts: one good address is enough to keep ours.
std::optional<late_bounce> read_late_bounce(const std::string& mail,
                                            const smtp::bounce_rules& rules);

// The first bounce of a delivered mail is recorded; later ones change nothing, nor do those of mail
// that was never delivered.
struct recorded_bounce {
  journal_seq seq;
  journal::event what;  // for renewal_buffer::observe once it is durable
};
// Inside a commit_loop operation; re-runnable.
std::optional<recorded_bounce> record_late_bounce(write_txn& txn, store_rooms& rooms,
                                                  const policy::rule_knobs& knobs,
                                                  recipient_id recipient, const late_bounce& b,
                                                  instant at);

}  // namespace consentry::app
