// What SMTP says about a message beside the message (RFC 5321, 3461, 1870, 6152, 6531).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "smtp/address.h"

namespace consentry::smtp {

enum class dsn_return : std::uint8_t { unspecified, full, headers };  // RET
enum class body_type : std::uint8_t { seven_bit, eight_bit };         // BODY

// What the sender asks of TLS on the way (RFC 8689). Numbers are stored: never reuse.
enum class tls_wish : std::uint8_t {
  none = 0,
  required = 1,  // MAIL parameter REQUIRETLS: verified at every hop, or not sent
  waived = 2,    // header "TLS-Required: No": delivery counts more than the policies of recipients
};

// NOTIFY, as a set. Empty: not given (failure and delay, RFC 3461 section 4.1).
struct dsn_notify {
  bool never = false, success = false, failure = false, delay = false;
  bool given() const noexcept { return never || success || failure || delay; }
  bool wants_failure() const noexcept { return !given() || failure; }
  bool wants_success() const noexcept { return success; }
  bool wants_delay() const noexcept { return !given() || delay; }
  friend bool operator==(const dsn_notify&, const dsn_notify&) = default;
};

struct envelope_recipient {
  mailbox address;
  dsn_notify notify;
  std::string orcpt;  // "rfc822;jane@example.hu", decoded from xtext; empty if not given
};

struct envelope {
  mailbox reverse_path;  // null for <>
  body_type body = body_type::seven_bit;
  bool smtputf8 = false;
  std::optional<std::uint64_t> declared_size;  // SIZE=
  dsn_return ret = dsn_return::unspecified;
  std::string envid;         // decoded from xtext
  bool require_tls = false;  // REQUIRETLS
  std::vector<envelope_recipient> recipients;
};

}  // namespace consentry::smtp
