// What is decided for one recipient, with everything that explains it later.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "filters/finding.h"
#include "smtp/reply.h"

namespace consentry::policy {

// Ascending badness: of several, the greatest wins. Numbers are stored.
enum class decision : std::uint8_t { send = 1, defer = 2, hold = 3, refuse = 4 };
std::string_view to_string(decision d) noexcept;

struct verdict {
  policy::decision decision = policy::decision::send;
  std::string reason;          // "consent.expired": stable; "ok" for send
  std::string rule;            // id in RULES: "A3"; empty for send
  std::string policy_version;  // policy_set::version
  smtp::enhanced_code enhanced{2, 1, 5};
  std::string text;  // for the user of the CRM, in English; one line, no address

  // What was computed, whether or not it decided: consent_day, purchase_day, last_day, send_day,
  // renewed_by, silence_until as YYYY-MM-DD in Budapest; objected_at, withdrawn_at and
  // suppressed_since as times.
  std::map<std::string, std::string> dates;
  // The knobs that were looked at: "consent.granularity" -> "day".
  std::map<std::string, std::string> knobs;
  std::vector<filters::finding> matches;  // of the content categories that decided, or tagged
  std::vector<std::string> tags;          // suspicious content below the hold: "S3"
  // Suspicious content that would have been held but for an exemption: "S1" -> to_text() of it.
  std::map<std::string, std::string> exemptions;

  bool is_send() const noexcept { return decision == policy::decision::send; }
};

// 250 for send and hold (held mail is taken), 451 for defer, 550 for refuse (556 with 5.1.10).
// Text: "reason: text".
smtp::reply to_reply(const verdict& v);

// Versioned bytes, for the queue. At most 32 matches, 200 octets each. decode throws decode_error.
std::string encode(const verdict& v);
verdict decode_verdict(std::string_view bytes);

}  // namespace consentry::policy
