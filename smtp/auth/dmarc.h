// DMARC (RFC 9989): the record, and the walk up the DNS that finds a domain's policy and its
// organization. No list of public suffixes, no pct.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace consentry::smtp::auth {

enum class dmarc_policy : std::uint8_t { none, quarantine, reject };
enum class dmarc_psd : std::uint8_t { unsaid, no, yes };

// RFC 9989 section 4.7. Unknown tags are passed over, also pct, rf and ri of RFC 7489.
struct dmarc_record {
  dmarc_policy policy = dmarc_policy::none;
  std::optional<dmarc_policy> subdomain_policy;    // sp
  std::optional<dmarc_policy> nonexistent_policy;  // np
  bool is_dkim_strict = false;                     // adkim=s
  bool is_spf_strict = false;                      // aspf=s
  bool is_test = false;                            // t=y
  dmarc_psd psd = dmarc_psd::unsaid;
  bool has_reports = false;  // rua names at least one mailto: URI
  // p is missing or bad, or sp or np are bad: counts as p=none where rua stands, as no policy
  // elsewhere (section 4.10.1).
  bool is_policy_sound = true;

  bool is_usable() const noexcept { return is_policy_sound || has_reports; }
};

// nullopt: no DMARC record (it does not begin with v=DMARC1). Never throws.
std::optional<dmarc_record> parse_dmarc(std::string_view txt);
std::string_view to_string(dmarc_policy p) noexcept;

// The names whose _dmarc record is asked for, in order: the domain, then its parents, at most eight
// in all (section 4.10). domain in A-labels.
std::vector<std::string> dmarc_walk(std::string_view domain);

// TXT records of a name; not_found: it does not exist.
using txt_lookup =
    std::function<boost::asio::awaitable<result<std::vector<std::string>>>(std::string)>;

struct dmarc_finding {
  std::string domain;  // where the record stands: "example.hu", for _dmarc.example.hu
  std::string text;    // as published, printable ASCII, shortened
  dmarc_record record;
};

struct dmarc_discovery {
  std::string organization;             // section 4.10.2
  std::optional<dmarc_finding> policy;  // that applies to the domain; may be one that is unusable
  bool is_of_suffix = false;  // the policy is that of a public suffix (psd=y), not the domain's own
  // At the domain's own _dmarc name: what stands there and does not count, printable as above.
  std::vector<std::string> broken;
};

// Walks. A failure: a lookup had no trustworthy answer before any record was found, so nothing is
// known.
boost::asio::awaitable<result<dmarc_discovery>> discover_dmarc(txt_lookup lookup,
                                                               std::string domain);

// Section 4.9: the same name, or in relaxed mode the same organization.
bool is_dmarc_aligned(std::string_view from, std::string_view from_organization,
                      std::string_view other, std::string_view other_organization,
                      bool is_strict) noexcept;

}  // namespace consentry::smtp::auth
