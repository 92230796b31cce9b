// What a person decides of a complaint (RULES C2, E4): a report that did not count by itself is
// confirmed or rejected, and what came by phone, post or from an authority is recorded. The person
// is the signed-in identity; a reason is needed.
#pragma once

#include <optional>
#include <string>

#include "app/complaint_intake.h"
#include "app/erasure.h"
#include "app/report_store.h"

namespace consentry::app {

struct desk_decision {
  std::string actor;   // "desk:dora"
  std::string reason;  // at most 1000 bytes
  instant at{};
};

struct decided_report {
  report_record report;  // as it stands now
  bool counts = false;
  std::string why;      // why it does not count all the same: "duplicate", "too_old", "not_bulk"
  bool blocks = false;  // the tenant's bulk stream, which was open
};

// These run inside a commit_loop operation; re-runnable, they look first and write last.
//
// Counts as of when the report came, suppresses, and blocks where the figures say so. about: the
// mail, where the report holds no token of ours; else it must be the same. not_found: no such
// report; conflict: it counts already, or was decided; invalid: no reason, or nobody knows which
// mail it is about.
result<decided_report> confirm_report(write_txn& txn, store_rooms& rooms,
                                      const policy::rule_knobs& rules, journal_seq number,
                                      std::optional<recipient_id> about, const desk_decision& by);
// Moves no counter. What a token of ours has suppressed stays so: the desk may lift it apart.
result<decided_report> reject_report(write_txn& txn, store_rooms& rooms, journal_seq number,
                                     const desk_decision& by);
// A complaint without a mail: recorded and confirmed at once. channel: "phone", "post",
// "authority", ...; at most 40 letters, digits and dashes.
result<decided_report> record_told_complaint(write_txn& txn, store_rooms& rooms,
                                             const policy::rule_knobs& rules, recipient_id about,
                                             const std::string& channel, const desk_decision& by);

// The newest bulk mail that was delivered to that person (a tenant's pseudonym); of that campaign,
// where one is named. Walks through all recipients: a worker. 0: none.
result<recipient_id> newest_mail_to(const store_rooms& rooms, const std::string& person,
                                    const std::string& campaign);

// Takes a person out of the reports about a tenant's mail, and of those that are nobody's yet.
erasure_hook hook_for_reports(store_rooms& rooms);

}  // namespace consentry::app
