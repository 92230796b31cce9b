// DKIM signatures of incoming reports, judged by libopendkim (RFC 6376, 8301, 8463).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace consentry::smtp::auth {

enum class dkim_status {
  pass,
  fail,       // wrong signature or body hash, expired, key or algorithm too weak
  permerror,  // signature or key unreadable, no key
  temperror,  // the key could not be looked up now
  none,       // not looked at (more signatures than are checked)
};
// "pass", ... as in Authentication-Results (RFC 8601 section 2.7.1).
std::string_view to_string(dkim_status status) noexcept;

struct dkim_result {
  std::string domain;     // d=, lower case
  std::string selector;   // s=
  std::string algorithm;  // a=
  dkim_status status = dkim_status::none;
  std::string reason;                       // "" for pass
  std::vector<std::string> signed_headers;  // h=, lower case, in its order
  bool is_testing = false;                  // the key says t=y: its owner wants no weight put on it
  // l=: text can be appended without breaking the signature, so a pass proves little.
  bool has_length_limit = false;
};

// TXT records of "<selector>._domainkey.<domain>", each joined from its strings. No record: an
// empty vector or not_found. A failure is final if `permanent`, else a temperror. May block; called
// on the thread that calls verify().
using key_lookup = std::function<result<std::vector<std::string>>(const std::string& name)>;

// Any thread; one for the whole process is enough.
class dkim_verifier {
 public:
  // At most so many signatures of one message are checked (a stranger writes them; RFC 6376 section
  // 6.1 allows a limit).
  static constexpr std::size_t signatures_max = 5;

  // fixed_time: what expiry is judged by, in tests; else the system's clock.
  explicit dkim_verifier(std::optional<instant> fixed_time = std::nullopt);
  ~dkim_verifier();

  // One result for every DKIM-Signature field, from the top; empty if there is none. The message
  // has CRLF line ends (to_crlf() otherwise). Takes CPU time and waits for `keys`: use a worker
  // thread.
  std::vector<dkim_result> verify(std::string_view message, const key_lookup& keys) const;

 private:
  struct library;
  std::unique_ptr<library> library_;
};

}  // namespace consentry::smtp::auth
