// Who a mail host has to prove to be, and what came of it (RFC 7672 section 3, RFC 8461 section
// 4.1, RFC 6125).
#pragma once

#include <openssl/ossl_typ.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/dns/records.h"

namespace consentry::smtp::client {

// Numbers are stored (reports of TLS): never reuse.
enum class tls_fault : std::uint8_t {
  none = 0,
  not_offered = 1,    // no STARTTLS, or it was refused
  handshake = 2,      // no session came about; of DANE: no record matches
  host_mismatch = 3,  // the certificate is another host's
  expired = 4,        // or not valid yet
  not_trusted = 5,    // nobody we trust vouches for it
};
// "certificate-expired", ...: the result types of RFC 8460 section 4.3.
std::string_view to_string(tls_fault f) noexcept;

struct peer_check {
  enum class by : std::uint8_t { nothing, certificate, dane };
  by how = by::nothing;
  bool is_enforced = true;             // false: a failure is told, and the session goes on
  std::vector<std::string> names;      // that the certificate may be of; the first is said as SNI
  std::vector<dns::tlsa_record> tlsa;  // how dane: not empty, all usable
  std::string label;                   // what the outcome's tls text says where it succeeds: "dane"

  // Equal for checks of which one's success is the other's.
  std::string fingerprint() const;
};

// Before the handshake, on a connection of a verifying context unless how is nothing. False: what
// is demanded cannot be demanded of this connection, it must not be used.
bool demand(SSL* connection, const peer_check& check);

struct peer_verdict {
  tls_fault fault = tls_fault::none;
  std::string cause;  // OpenSSL's words
  // Of a success: the certificate's name that matched, "*.example.hu" too; empty where none had to
  // (DANE-EE), and where the session was taken up again.
  std::string matched_name;
  bool is_resumed = false;
};
// After a handshake, whether it succeeded or not. nothing: never a fault.
peer_verdict judge(SSL* connection, const peer_check& check);

}  // namespace consentry::smtp::client
