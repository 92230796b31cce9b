// What is wrong with the DNS of a sender domain, and the very records that mend it: pure, from what
// was looked up (RFC 6376, 7208, 9989; docs/decisions/sender-preflight.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "smtp/auth/dmarc.h"
#include "smtp/auth/sender_finding.h"
#include "smtp/auth/spf/spf_protocol.h"

namespace consentry::smtp::auth {

// One of our keys and what stands under its name; nullopt: no trustworthy answer.
struct published_key {
  std::string name;   // "s1r._domainkey.example.hu"
  std::string value;  // "v=DKIM1; k=rsa; p=..", as it should stand
  bool is_rsa = true;
  std::optional<std::vector<std::string>> texts;
};

// RFC 6376 section 3.6.1. Whether the record lets receivers verify what the key of `ours` signs:
// nullptr, or what is wrong ("revoked", "differs", ..): stable words.
const char* fault_of_key_record(std::string_view text, std::string_view ours);

// Some RSA key has to stand, since not all receivers know ed25519; the others should.
sender_check check_dkim(const std::vector<published_key>& keys);

// A policy has to be found for the domain. Our signatures carry the domain itself in d=: aligned
// however strict it is.
sender_check check_dmarc(const std::string& domain, const result<dmarc_discovery>& found);

// An address that mail leaves from, and what the domain's SPF says to it.
struct egress_answer {
  std::string address;
  spf::check_verdict verdict;
};

// `texts`: the TXT records at the domain; nullopt: no trustworthy answer. The tenant's domain
// stands in no return path of ours, so its SPF decides nothing: at worst a warning.
sender_check check_own_spf(const std::string& domain, const std::vector<egress_answer>& answers,
                           const std::optional<std::vector<std::string>>& texts);
// The return path is the gateway's: its SPF has to pass (RULES B), and its operator has to see to
// it.
sender_check check_return_path(const std::string& domain, const std::vector<egress_answer>& answers,
                               const std::optional<std::vector<std::string>>& texts,
                               const std::string& from, const result<dmarc_discovery>& from_policy,
                               const result<dmarc_discovery>& own_policy);

}  // namespace consentry::smtp::auth
