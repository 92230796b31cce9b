// Private keys as files: PEM, in plain or encrypted (PKCS #8, RFC 5958; PBES2 with AES-256-CBC and
// PBKDF2, RFC 8018). Any thread.
#pragma once

#include "base/result.h"
#include "base/secret.h"

namespace consentry::smtp::auth {

// Whether a passphrase is needed to read it.
bool is_encrypted_pem(const secret_text& pem) noexcept;

// The key under a passphrase. invalid: not a private key in plain PEM.
result<secret_text> encrypted_pem(const secret_text& plain, const secret_text& passphrase);

// Shorter ones are guessed by whoever has the file.
inline constexpr std::size_t passphrase_octets_min = 16;

}  // namespace consentry::smtp::auth
