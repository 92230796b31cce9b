// The messages and sums of SCRAM-SHA-256 (RFC 5802 sections 3, 5 and 7; RFC 7677). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "smtp/server/gatekeeper.h"

namespace consentry::smtp::server {

struct scram_client_first {
  std::string gs2_header;  // "n,,"
  std::string bare;        // the rest
  std::string authzid;     // unescaped
  std::string user;        // unescaped, prepared
  std::string nonce;
};
// nullopt: malformed, or it demands channel binding, which we do not offer.
std::optional<scram_client_first> parse_client_first(std::string_view message);

struct scram_client_final {
  std::string channel_binding;  // decoded
  std::string nonce;
  std::string without_proof;
  std::string proof;  // decoded
};
std::optional<scram_client_final> parse_client_final(std::string_view message);

// H(HMAC(salted password, "Client Key"))
digest256 scram_stored_key(std::string_view salted_password);

// In constant time.
bool scram_proof_fits(const scram_keys& keys, std::string_view auth_message,
                      std::string_view proof);

}  // namespace consentry::smtp::server
