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
#include "smtp/auth/key_ring.h"
#include "smtp/auth/spf/spf_protocol.h"

namespace consentry::smtp::auth {

// Numbers are stored.
enum class check_state : std::uint8_t {
  unknown = 1,  // the DNS gave no trustworthy answer, or nobody looked
  pass = 2,
  warn = 3,  // mail arrives, but something is not as it should be
  fail = 4,
};
std::string_view to_string(check_state s) noexcept;

enum class record_act : std::uint8_t { add = 1, replace = 2 };
std::string_view to_string(record_act a) noexcept;

// A record as it has to stand in the DNS.
struct wanted_record {
  record_act act = record_act::add;
  std::string name;  // without a dot at its end
  std::string type;  // "TXT"
  std::string value;
  std::string instead_of;     // replace: what stands there now, printable
  bool is_operators = false;  // the gateway's own zone, not the tenant's
  friend bool operator==(const wanted_record&, const wanted_record&) = default;
};

struct sender_check {
  std::string what;  // "dkim", "dmarc", "spf", "return_path": stable
  check_state state = check_state::unknown;
  std::string reason;  // "dkim.missing": stable; "ok" for pass
  std::string text;    // a sentence
  std::vector<wanted_record> records;
  friend bool operator==(const sender_check&, const sender_check&) = default;
};

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

// The record with the addresses let through before all else; a new one, which says nothing of
// others, where there is none.
std::string spf_record_with(const std::vector<std::string>& addresses, std::string_view present);

// Worst of those that decide: fail where DKIM or DMARC fails; unknown where nothing is known of one
// of them; warn where anything is not a pass.
check_state overall(const std::vector<sender_check>& checks) noexcept;
// "dkim.missing, dmarc.missing": of those that fail; empty: none.
std::string failures_of(const std::vector<sender_check>& checks);
// Everything that is not a pass, the same way.
std::string remarks_of(const std::vector<sender_check>& checks);

}  // namespace consentry::smtp::auth
