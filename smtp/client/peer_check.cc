#include "smtp/client/peer_check.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/bytes.h"
#include "base/secret.h"
#include "base/text.h"

namespace consentry::smtp::client {
namespace {

const unsigned char* bytes_of(const std::string& s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

bool demand_dane(SSL* connection, const peer_check& check) {
  if (SSL_dane_enable(connection, check.names.front().c_str()) != 1) return false;
  bool has_any = false;
  for (const auto& r : check.tlsa) {
    const int added = SSL_dane_tlsa_add(connection, r.usage, r.selector, r.matching,
                                        bytes_of(r.data), r.data.size());
    has_any = has_any || added == 1;
  }
  // Without a record OpenSSL would be content with any authority's certificate.
  return has_any;
}

tls_fault fault_of(long verdict) {
  switch (verdict) {
    case X509_V_OK:
      return tls_fault::none;
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return tls_fault::host_mismatch;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return tls_fault::expired;
    case X509_V_ERR_DANE_NO_MATCH:
      return tls_fault::handshake;
    default:
      return tls_fault::not_trusted;
  }
}

}  // namespace

std::string_view to_string(tls_fault f) noexcept {
  switch (f) {
    case tls_fault::none:
      return "none";
    case tls_fault::not_offered:
      return "starttls-not-supported";
    case tls_fault::handshake:
      return "validation-failure";
    case tls_fault::host_mismatch:
      return "certificate-host-mismatch";
    case tls_fault::expired:
      return "certificate-expired";
    case tls_fault::not_trusted:
      return "certificate-not-trusted";
  }
  return "validation-failure";
}

std::string peer_check::fingerprint() const {
  if (how == by::nothing) return {};
  byte_writer w;
  w.u8(static_cast<std::uint8_t>(how)).flag(is_enforced);
  for (const auto& n : names) w.text(n);
  for (const auto& r : tlsa) w.u8(r.usage).u8(r.selector).u8(r.matching).text(r.data);
  return std::string{as_bytes(sha256(w.bytes()))};
}

bool demand(SSL* connection, const peer_check& check) {
  if (check.how == peer_check::by::nothing) return true;
  if (check.names.empty()) return false;
  if (check.how == peer_check::by::dane) {
    if (!demand_dane(connection, check)) return false;
  } else if (SSL_set1_host(connection, check.names.front().c_str()) != 1) {
    return false;
  }
  for (std::size_t i = 1; i < check.names.size(); ++i)
    if (SSL_add1_host(connection, check.names[i].c_str()) != 1) return false;
  SSL_set_hostflags(connection, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // Where it is not enforced OpenSSL judges as well; the verdict is then only read.
  SSL_set_verify(connection, check.is_enforced ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  return true;
}

peer_verdict judge(SSL* connection, const peer_check& check) {
  peer_verdict out;
  out.is_resumed = SSL_session_reused(connection) == 1;
  if (check.how == peer_check::by::nothing) return out;
  const auto verdict = SSL_get_verify_result(connection);
  out.fault = fault_of(verdict);
  if (out.fault != tls_fault::none) {
    out.cause = X509_verify_cert_error_string(verdict);
    return out;
  }
  if (const char* name = SSL_get0_peername(connection)) out.matched_name = ascii_lower(name);
  return out;
}

}  // namespace consentry::smtp::client
