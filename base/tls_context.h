// TLS contexts: the one door to their making. TLS >= 1.2 on every side (RFC 8314, RFC 8996).
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <filesystem>
#include <memory>
#include <string>

namespace consentry {

struct tls_identity {
  std::filesystem::path certificate_chain;  // PEM, leaf first
  std::filesystem::path private_key;        // PEM
};

// Throws configuration_error naming the file. Session tickets on, renegotiation and compression
// off.
std::shared_ptr<boost::asio::ssl::context> make_server_tls(const tls_identity& identity);

// For delivery: opportunistic, so the certificate is not verified here (policies that demand it,
// DANE and MTA-STS, are checked by whoever connects).
std::shared_ptr<boost::asio::ssl::context> make_client_tls();

// For delivery to hosts that have to prove who they are: authorities from a PEM file (empty: the
// system's), DANE possible on its connections. Whom to expect, and whether it is insisted on, is
// said on each connection. Throws configuration_error naming the file.
std::shared_ptr<boost::asio::ssl::context> make_verifying_client_tls(
    const std::filesystem::path& authorities);

// A self-signed certificate for tests and the demo: writes certificate and key (ECDSA P-256, 0600),
// valid one year.
void make_self_signed(const tls_identity& identity, const std::string& host_name);

}  // namespace consentry
