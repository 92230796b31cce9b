// What the queue keeps of a message and of each of its recipients: values and their stored form.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "smtp/envelope.h"
#include "smtp/stream.h"

namespace consentry::queue {

// Where a body lies in the spool (spool.h). length 0: nowhere any more.
struct spool_location {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;  // of the record in the segment file
  std::uint32_t length = 0;  // bytes of the body
  std::uint32_t crc = 0;     // CRC-32C of the body
  friend bool operator==(const spool_location&, const spool_location&) = default;
};

// One accepted submission. The caller of queue_store::accept fills it, but for id and the counts.
struct queued_message {
  message_id id;
  tenant_id tenant;
  smtp::stream stream = smtp::stream::bulk;
  std::string campaign;
  std::string topic;
  std::string credential;

  // The envelope as submitted; the copies leave with a return path of ours.
  std::string reverse_path;  // "" is the null path: no notice is ever sent
  smtp::dsn_return ret = smtp::dsn_return::unspecified;
  std::string envid;
  smtp::body_type body = smtp::body_type::seven_bit;
  bool smtputf8 = false;
  smtp::tls_wish tls = smtp::tls_wish::none;

  std::string sender_domain;        // of the From field, lower-case A-labels: whose DKIM keys sign
  std::string original_message_id;  // as submitted, with its angle brackets; bulk copies get one of
                                    // their own
  instant accepted_at{};
  instant expires_at{};              // after it no attempt is made: the recipient bounces
  std::string policy_version;        // the one that accepted it
  std::uint64_t standing_epoch = 0;  // the tenant's, at acceptance
  spool_location body_at;            // emptied when the last recipient is done
  bool is_notice = false;            // a DSN of ours: null return path, not asked about at the gate
  message_id about;                  // notices: the message they speak of

  std::uint32_t recipients_total = 0;  // ids id+1 .. id+total
  std::uint32_t recipients_open = 0;   // queued or held
  std::uint32_t recipients_held = 0;
  instant finished_at{};  // 0: still open

  friend bool operator==(const queued_message&, const queued_message&) = default;
};

// Numbers are stored: never reuse or renumber.
enum class recipient_state : std::uint8_t {
  queued = 1,
  held = 2,
  delivered = 3,
  bounced = 4,
  cancelled = 5
};

constexpr bool is_final(recipient_state s) noexcept {
  return s >= recipient_state::delivered;
}
std::string_view to_string(recipient_state s) noexcept;

struct queued_recipient {
  recipient_id id;
  message_id message;
  std::string address;  // as submitted; emptied when the state becomes final: the pseudonym stays
  std::string domain;   // lower-case A-labels, what routes and DNS are asked for; emptied too
  std::string person;   // keyed pseudonym, 16 bytes
  smtp::dsn_notify notify;
  std::string orcpt;        // decoded; emptied too
  bool delay_told = false;  // a DSN said that it is late: at most one does

  recipient_state state = recipient_state::queued;
  std::uint32_t attempts = 0;
  instant next_attempt_at{};  // while queued
  instant changed_at{};       // of the last attempt or change of state
  std::string
      last_reply;  // "451 4.7.1 greylisted", or our own words where there was no reply; 512 bytes
  std::string last_host;  // that gave it
  std::string reason;  // why held, bounced or cancelled: "tenant.bulk_blocked"; empty: the remote
                       // reply says it
  std::string rule;
  std::string pool;  // of sources, where somebody has moved it to another; "": as the rules say

  friend bool operator==(const queued_recipient&, const queued_recipient&) = default;
};

// The text with the recipient's address, and its local part where that is long enough to name
// somebody, in any case, replaced by "(recipient)". Servers like to
// repeat the address that they refuse, and what is kept for ever must not hold it (RULES 10, D5).
std::string without_address(std::string_view text, const queued_recipient& r);

// Record encodings, version byte first. Ids are the keys and not in the values. decode throws
// decode_error.
std::string encode(const queued_message& m);
std::string encode(const queued_recipient& r);
queued_message decode_message(message_id id, std::string_view value);
queued_recipient decode_recipient(recipient_id id, std::string_view value);

}  // namespace consentry::queue
