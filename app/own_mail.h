// Mail that the gateway writes itself: confirmations of sign-ups, contact links, notices. Composed
// and spooled here, then queued inside the operation that it belongs to, so that a fact and the
// mail that tells of it are durable together.
#pragma once

#include <string>

#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/result.h"
#include "smtp/address.h"
#include "smtp/envelope.h"
#include "smtp/stream.h"

namespace consentry::app {

struct own_mail {
  tenant_id tenant;  // on whose account it stands in the journal
  smtp::stream stream = smtp::stream::transactional;
  // A notice has the null return path, is not asked about at the gate (it must reach a tenant that
  // is blocked) and never bounces back. Anything else is asked about like submitted mail.
  bool is_notice = false;
  std::string about;  // fact "for" of the journal entry: "contact_link", "doi", "tenant.suspended"
  smtp::mailbox from;
  std::string from_name;  // UTF-8; may be empty
  smtp::mailbox to;
  std::string person;   // pseudonym of `to`, 16 bytes; empty: none
  std::string subject;  // UTF-8, one line
  std::string text;     // UTF-8, lines ended by LF
  std::string topic;    // doi: of the sign-up
  smtp::tls_wish tls = smtp::tls_wish::none;
};

// Composed, RFC 3834 labelled, and appended to the spool. Keep it until its operation is done.
struct spooled_own_mail {
  queue::queued_message message;
  queue::queued_recipient recipient;
  queue::spooled_body body;
  std::string about;
};

// Any thread. host_name: for Message-ID. Failures as of spool::append.
result<spooled_own_mail> spool_own_mail(queue::spool& bodies, const own_mail& m,
                                        const std::string& host_name, instant now,
                                        instant expires_at);

// The same for a mail whose header and body (CRLF) stand ready; subject and text are not looked at.
result<spooled_own_mail> spool_composed(queue::spool& bodies, const own_mail& m,
                                        const std::string& data, instant now, instant expires_at);

// Inside a commit_loop operation; re-runnable. Queues it and journals notice_sent. Call
// scheduler::notify when the operation is done.
message_id queue_own_mail(write_txn& txn, store_rooms& rooms, const spooled_own_mail& m,
                          const std::string& actor);

// RFC 2047 section 2: the text as encoded words where it is not plain ASCII.
std::string encoded_header_text(std::string_view utf8);

}  // namespace consentry::app
