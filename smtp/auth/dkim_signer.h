// DKIM signatures with cached keys (RFC 6376, 8301, 8463): relaxed/relaxed, rsa-sha256 and
// ed25519-sha256. Our own, because libopendkim parses the private key for every message
// (docs/decisions/dkim-signing.md).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/running_sha256.h"
#include "base/secret.h"

namespace consentry::smtp::auth {

enum class dkim_algorithm : std::uint8_t { rsa_sha256, ed25519_sha256 };

// A parsed private key with the place of its public half: <selector>._domainkey.<domain>.
// Immutable; any thread.
class dkim_key {
 public:
  // PEM (PKCS#1 or #8), encrypted or not. invalid: unreadable, another type, RSA below 1024 bits
  // (RFC 8301), encrypted under another passphrase or, with nullptr, under any.
  static result<std::shared_ptr<const dkim_key>> from_pem(std::string domain, std::string selector,
                                                          const secret_text& pem,
                                                          const secret_text* passphrase = nullptr);
  // A new one, PEM in `pem`: RSA-2048 or Ed25519.
  static std::shared_ptr<const dkim_key> generate(std::string domain, std::string selector,
                                                  dkim_algorithm algorithm, secret_text& pem);
  ~dkim_key();

  const std::string& domain() const noexcept;
  const std::string& selector() const noexcept;
  dkim_algorithm algorithm() const noexcept;
  std::string dns_name() const;   // "s1._domainkey.example.hu"
  std::string dns_value() const;  // "v=DKIM1; k=rsa; p=..."

  struct state;
  explicit dkim_key(std::unique_ptr<state> s);
  const state& internals() const noexcept { return *state_; }

 private:
  std::unique_ptr<state> state_;
};

// SHA-256 over the relaxed body (RFC 6376 section 3.4.4): once per body, whatever the number of
// copies and keys.
digest256 relaxed_body_hash(std::string_view body);

struct dkim_options {
  // In this order. Each listed name is signed as often as it occurs; names in `oversigned` once
  // more (RFC 6376 section 8.15), so that nobody adds a second one. "List-*" stands for every field
  // there is whose name begins so.
  std::vector<std::string> signed_headers;
  std::vector<std::string> oversigned;
  std::optional<std::chrono::seconds> valid_for;  // x=

  static dkim_options standard();  // RULES B, Sending
};

// What the signatures of one message have in common: the list of fields, their canonical form, its
// hash. Made once, for however many keys. Immutable; any thread.
class dkim_header {
 public:
  // header_block: fields with CRLF ends, without the empty line. The message must be CRLF and, for
  // relays without 8BITMIME, already 7-bit.
  dkim_header(std::string_view header_block, const digest256& body_hash, instant now,
              const dkim_options& options);

  // The whole field "DKIM-Signature: ...\r\n", folded.
  std::string signature_field(const dkim_key& key) const;

 private:
  std::string times_;      // "t=...;", and "x=...;"
  std::string names_;      // of h=, with the semicolon
  std::string body_hash_;  // "bh=...;"
  running_sha256 fields_;
};

// For one key.
std::string dkim_signature_field(const dkim_key& key, std::string_view header_block,
                                 const digest256& body_hash, instant now,
                                 const dkim_options& options);

// What stands, in base 64, in b=: the signature over the named fields (a name once for each field,
// the last field of that name first, RFC 6376 section 5.4.2; absent ones add nothing) and over
// `unsigned_field`, a "DKIM-Signature: ..." without CRLF whose b= is empty. CRLF line ends.
std::string dkim_signature_bytes(const dkim_key& key, std::string_view header_block,
                                 const std::vector<std::string>& names,
                                 std::string_view unsigned_field);

}  // namespace consentry::smtp::auth
