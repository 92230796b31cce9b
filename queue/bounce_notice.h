// Delivery status notifications (RFC 3464 in RFC 6522 form, asked for by RFC 3461), in words a
// sender understands. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "queue/queued_message.h"
#include "smtp/outcome.h"

namespace consentry::queue {

struct notice_settings {
  std::string host_name;  // Reporting-MTA, EHLO name, domain of Message-ID
  std::string from;       // "mailer-daemon@gateway.example"; its domain's keys sign
  std::string from_name = "Mail Delivery Service";
  std::string contact;  // a line for questions: "abuse@gateway.example"; may be empty
  std::size_t returned_bytes_max = 256 << 10;  // of the original, even with RET=FULL
  // From acceptance until a sender is told that the mail is late; 0: nobody is.
  std::chrono::seconds delay_after{std::chrono::hours{4}};
};

enum class notice_action : std::uint8_t { failed, delayed, relayed };

struct notice_recipient {
  std::string address;
  smtp::dsn_notify notify;
  std::string orcpt;
  notice_action action = notice_action::failed;
  smtp::enhanced_code code;  // Status; none: from the reply, else 5.0.0
  std::string reason;        // "consent.expired"; empty for remote failures
  std::string text;          // one sentence for a person: why
  std::string remote_reply;  // "550 5.1.1 no such user"; empty: none
  std::string remote_host;
  instant last_attempt_at{};   // 0: none was made
  instant will_retry_until{};  // delayed only
};

// A recipient whose attempt ended so.
notice_recipient to_notice_recipient(const queued_recipient& r, const smtp::outcome& o, instant at,
                                     std::string_view reason, std::string_view text);

// A notice, ready for spool::append(data) and queue_store::accept(message, {&recipient, 1}) with
// the location filled in.
struct bounce_notice {
  queued_message message;
  queued_recipient recipient;
  std::string data;  // header and body, CRLF, 7-bit unless message.smtputf8
};

// About `original`, to its reverse path. Recipients who did not ask for it (NOTIFY) are left out.
// nullopt: nobody is left, the reverse path is null, or original is a notice itself (RFC 5321
// section 6.1, RFC 3834). original.id may still be 0: a message of which every recipient was
// refused after its 250 is told of before it has a number. original_data: the message as spooled.
// boundary_seed: any text unique to the notice; it makes boundary and Message-ID.
std::optional<bounce_notice> make_bounce_notice(const notice_settings& s,
                                                const queued_message& original,
                                                std::span<const notice_recipient> recipients,
                                                std::string_view original_data, instant now,
                                                instant expires_at, std::string_view boundary_seed);

}  // namespace consentry::queue
