// The knobs of a conversation. Each is bounded by whoever reads the configuration.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "smtp/server/gatekeeper.h"

namespace consentry::smtp::server {

struct session_timeouts {
  using duration = std::chrono::milliseconds;
  duration command = std::chrono::minutes{5};     // RFC 5321 section 4.5.3.2.7
  duration data_block = std::chrono::minutes{5};  // one read inside DATA or BDAT
  duration write = std::chrono::minutes{1};       // one write of replies
  duration handshake = std::chrono::seconds{30};  // TLS
  duration transaction =
      std::chrono::minutes{30};  // MAIL until its message is complete: ends trickling senders
  duration session = std::chrono::hours{2};  // looked at between transactions
  duration greet_pause{
      0};  // inbound: how long a client that speaks before the banner is looked out for
};

struct session_limits {
  std::uint64_t message_bytes = 50ULL << 20;  // announced by SIZE
  std::size_t recipients = 1000;       // per message, at least 100 (RFC 5321 section 4.5.3.1.8)
  std::size_t text_line_bytes = 1000;  // with CRLF (RFC 5321 section 4.5.3.1.6); 0: not looked at
  std::size_t received_fields = 100;   // with so many a message runs in circles (section 6.3)
  unsigned bad_commands = 10;          // since the last accepted message; then 421
  unsigned idle_commands = 100;        // NOOP, RSET, EHLO... since the last accepted message
  unsigned bare_newlines = 3;          // commands that end in a bare LF; then 421
  unsigned auth_failures = 3;          // in one session; then 421
  unsigned messages = 10000;           // in one session; then 421 at the next MAIL
};

struct session_settings {
  listener_role role = listener_role::submission;
  std::string
      host_name;  // in the banner, in EHLO's reply; "postmaster" without a domain is meant here
  bool implicit_tls = false;      // 465: the handshake comes first
  bool auth_without_tls = false;  // from loopback addresses only; for tests and local relays
  session_limits limits;
  session_timeouts timeouts;
};

}  // namespace consentry::smtp::server
