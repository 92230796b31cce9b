// What a look at a sender domain's DNS found: values that are kept and shown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  // Not kept: something beside what passes or warns could not be learnt (a second key).
  bool is_part_unknown = false;
  friend bool operator==(const sender_check&, const sender_check&) = default;
};

// Whether bulk mail stands or falls with it: DKIM and DMARC.
bool decides(const sender_check& c) noexcept;
// Worst of those that decide: fail where DKIM or DMARC fails; unknown where nothing is known of one
// of them; warn where anything is not a pass.
check_state overall(const std::vector<sender_check>& checks) noexcept;
// "dkim.missing, dmarc.missing": of those that fail; empty: none.
std::string failures_of(const std::vector<sender_check>& checks);
// Everything that is not a pass, the same way.
std::string remarks_of(const std::vector<sender_check>& checks);
// What to publish: each record once, though two checks ask for it.
std::vector<wanted_record> records_of(const std::vector<sender_check>& checks);

// What a record may hold to be kept, shown and published: what stands in the DNS is a stranger's.
inline constexpr std::size_t record_value_octets_max = 2000;
bool is_publishable(std::string_view value) noexcept;  // printable ASCII, not longer
// A line of a zone file (RFC 1035 sections 3.3 and 5.1): strings of at most 255 octets, quotes,
// backslashes and what is not printable escaped.
std::string zone_line(const wanted_record& r);

}  // namespace consentry::smtp::auth
