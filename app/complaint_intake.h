// What a complaint report does: finds its mail by the token, suppresses the recipient, and moves
// the counter only if the reporter is proven (RULES C2). The block follows in the same transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/live_settings.h"
#include "app/report_store.h"
#include "app/store_rooms.h"
#include "base/clock.h"
#include "reputation/feedback_report.h"
#include "smtp/auth/dkim_verifier.h"

namespace consentry::app {

// Which mail: what the queue still knows, so also mail whose delivery is not committed yet.
struct mail_facts {
  tenant_id tenant;
  message_id message;
  smtp::stream stream{};
  std::string campaign;
  std::string topic;
  std::string person;
};
std::optional<mail_facts> find_mail(const read_txn& txn, const store_rooms& rooms,
                                    recipient_id recipient);

// Whose word this is: the allow-listed reporter whose valid signature the report carries.
struct reporter_proof {
  std::string reporter;     // its name in reporters.toml; empty: nobody's
  std::string dkim_domain;  // d= of the signature that proved it
  std::string why_not;      // "unsigned", "reporter not listed: x.example", "signature fails: ..."
  bool may_pass_later = false;  // a listed domain's key could not be looked up now
};
// 16 bytes of the digest of each valid signature, one behind the other. fields: the values of the
// mail's DKIM-Signature fields, in their order.
std::string signature_digests(const std::vector<smtp::auth::dkim_result>& signatures,
                              const std::vector<std::string>& fields);
// from: the key of the report's one From address, empty if it has none or several. It must lie in
// the signing domain or below, and be one of the reporter's `from` addresses where it lists any:
// customers of a mailbox provider sign with its domain too.
reporter_proof prove(const std::vector<smtp::auth::dkim_result>& signatures,
                     const std::string& from, const std::vector<reporter>& listed);

struct weighed_report {
  std::string type;  // Feedback-Type; "person": a forward with a token of ours, "none": without
  std::optional<recipient_id> recipient;  // by any token of ours that survived
  bool suppresses = false;
  bool may_count = false;
  bool reverses = false;
  std::string why_not;  // why it does not count; empty: it does, unless the tally says otherwise
};
weighed_report weigh(const reputation::feedback_report& report, const reporter_proof& proof,
                     const smtp::token_ring& tokens);
// Mail that is no report: what a person forwards or writes. It suppresses where it came to
// complain, and never counts by itself.
weighed_report weigh_letter(const reputation::token_candidates& tokens, bool is_complaining,
                            const smtp::token_ring& ring);

// Where one mail came from and what it holds.
struct report_arrival {
  std::string channel;    // report_record::channel
  std::string from;       // mailbox key of its one From address; empty: none, or several
  std::string mail_from;  // of the envelope; empty: <>
  std::string remote_ip;
  std::string signatures;  // signature_digests()
  std::string packed_raw;  // packed_report() of the mail
  instant at{};
};

struct recorded_reports {
  std::vector<tenant_id> blocked;    // whose bulk stream they blocked
  std::vector<journal_seq> numbers;  // under which they are kept
  std::optional<report_day> alarm;   // RULES C7: since now the day's unattributed share is too high
};
// Records them all inside a commit_loop operation; re-runnable. unmatched_alarm_percent: 0 is off.
recorded_reports record_reports(write_txn& txn, store_rooms& rooms, const policy::rule_knobs& rules,
                                const std::vector<weighed_report>& reports,
                                const reporter_proof& proof, const report_arrival& arrival,
                                unsigned unmatched_alarm_percent);

// A complaint that is believed: it joins the tally as of complained_at, and the block follows if
// the figures of `now` say so. Suppressing is another step.
struct counted_complaint {
  reputation::complaint_effect effect{};
  bool blocks = false;  // the tenant's bulk stream, which was open
};
counted_complaint count_complaint(write_txn& txn, store_rooms& rooms,
                                  const policy::rule_knobs& rules, const mail_facts& mail,
                                  recipient_id recipient, instant complained_at, instant now);
// Who complains gets nothing more, and has objected (RULES C5, A3). source: "arf:loop.example".
void suppress_complainer(write_txn& txn, store_rooms& rooms, const mail_facts& mail,
                         recipient_id recipient, std::string source, instant at);
// "complained", about that mail as far as it is known.
journal::event complaint_event(instant at, recipient_id recipient,
                               const std::optional<mail_facts>& mail, std::string actor);

// Withdraws the consent behind one delivered mail, for its topic, and stops what is queued; counts
// it in its campaign, once, which may put that on hold. Inside an operation; re-runnable. False: no
// such mail was sent.
bool record_unsubscribe(write_txn& txn, store_rooms& rooms, const policy::rule_knobs& rules,
                        recipient_id recipient, std::string_view method, instant at);

}  // namespace consentry::app
