// The one transaction that makes a submission ours: envelope, verdicts, schedule, journal, and the
// notice about recipients that were refused after their own 250.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/campaign_source.h"
#include "app/kept_facts.h"
#include "app/store_rooms.h"
#include "journal/event.h"
#include "policy/policy_set.h"
#include "policy/verdict.h"
#include "queue/bounce_notice.h"
#include "queue/spool.h"
#include "smtp/envelope.h"
#include "smtp/server/gatekeeper.h"

namespace consentry::app {

struct judged_recipient {
  smtp::envelope_recipient envelope;
  std::string person;  // pseudonym
  policy::verdict verdict;
  bool is_bulk_by_content = false;  // judged, and queued, as bulk mail (RULES A1.1)
  bool is_trap = false;             // spam_traps.h
  kept_facts facts;                 // that it was judged on

  bool is_taken() const noexcept {
    return verdict.decision == policy::decision::send || verdict.decision == policy::decision::hold;
  }
};

struct acceptance {
  tenant_id tenant;
  smtp::stream stream = smtp::stream::bulk;
  std::string credential;
  campaign_name names;
  smtp::envelope envelope;
  std::string from_domain;
  std::string sender;  // identity, as consents name it
  instant at{};
  instant expires_at{};
  std::string policy_version;
  policy::rule_knobs knobs;  // of that version
  std::vector<judged_recipient> recipients;
  std::string fingerprint;  // of the content, 16 bytes; empty: not counted (bulk, doi)
  std::size_t fingerprint_recipients = 0;  // the knob
  instant bulk_expires_at{};               // of what is bulk by content
  mail_digest digest;                      // without number, persons and sums
  bool keeps_evidence = true;              // for replays; and so, where the policy keeps it:
  kept_text text;

  // Filled by spool_submission.
  std::string message_id_field;
  std::string body_sha256;  // hex, of the message as submitted
  std::size_t bytes = 0;
  std::vector<std::string> stripped;
  smtp::tls_wish tls = smtp::tls_wish::none;
  queue::spooled_body body;
  std::optional<queue::bounce_notice> notice;
  queue::spooled_body notice_body;

  std::size_t refused_count() const noexcept;
  std::size_t held_count() const noexcept;
  std::string hold_reason() const;
};

// Rewrites the header, appends the message to the spool, and the notice for refused recipients if
// one is due. Failures as spool::append.
result<void> spool_submission(queue::spool& bodies, acceptance& a,
                              const smtp::server::session_info& session, const std::string& data,
                              const std::string& host_name, const queue::notice_settings& notices);

// Inside a commit_loop operation; re-runnable. Returns the message's number; what is bulk by
// content becomes a message of its own behind it. None, and nothing is written: since it was
// judged, others got the same content, and now more of its recipients are bulk; judge again.
message_id record_acceptance(write_txn& txn, store_rooms& rooms, const acceptance& a);
// Journal entries and verdicts of the refused ones, under `message` (0: takes numbers for them
// all). Returns the message.
message_id record_refusals(write_txn& txn, store_rooms& rooms, const acceptance& a,
                           message_id message);

// Adds the recipients to the counts of their campaign, which may put it on hold. For refusals
// alone; record_acceptance does it itself.
void count_asked(write_txn& txn, store_rooms& rooms, const acceptance& a);
// The most recipients that the tenant's bulk mail reached on one of the 30 days before, for the
// watch over sudden volume.
std::function<std::uint64_t()> busiest_day_of(const write_txn& txn, const store_rooms& rooms,
                                              tenant_id tenant, instant at);

// Reason, rule, policy version, computed dates and decisive matches of a verdict as an event tells
// them.
void describe_verdict(journal::event& e, const policy::verdict& v);

// What the client is told when its message could not be made durable: 452 for a full disk, else
// 451.
smtp::reply to_reply(const failure& f);

}  // namespace consentry::app
