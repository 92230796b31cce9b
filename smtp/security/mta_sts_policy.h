// What a domain says about the TLS of its mail hosts (RFC 8461). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace consentry::smtp::security {

// Numbers are stored: never reuse.
enum class sts_mode : std::uint8_t { none = 0, testing = 1, enforce = 2 };
std::string_view to_string(sts_mode m) noexcept;

struct sts_policy {
  sts_mode mode = sts_mode::none;
  std::vector<std::string> mx;  // lower-case A-labels: "mx1.example.hu", "*.example.hu"
  std::uint32_t max_age_s = 0;
  std::string id;        // of the TXT record it was fetched for
  instant fetched_at{};  // the last time it was seen to be current

  instant ends_at() const { return fetched_at + std::chrono::seconds{max_age_s}; }
  friend bool operator==(const sts_policy&, const sts_policy&) = default;
};

// The id of the one "v=STSv1" record among a domain's TXT records of _mta-sts (section 3.1);
// nullopt: the domain has no policy (none, several, or one that does not parse).
std::optional<std::string> sts_record_id(const std::vector<std::string>& txt);

// The body of the policy file (section 3.2); id and fetched_at are the caller's. Failure: invalid,
// with what is wrong. At most 100 patterns; max_age is cut to a year as section 3.2 says.
result<sts_policy> parse_sts_policy(std::string_view body);

// Section 4.1: a pattern is the host itself or "*." and all but its first label.
bool matches(const sts_policy& p, std::string_view mx_host) noexcept;

// The lines of the policy, for reports (RFC 8460 section 4.4).
std::vector<std::string> lines_of(const sts_policy& p);

// Stored form, version byte first. decode throws decode_error.
std::string encode(const sts_policy& p);
sts_policy decode_sts_policy(std::string_view bytes);

}  // namespace consentry::smtp::security
