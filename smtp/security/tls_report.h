// What TLS with the hosts of a domain came to on one day, and the report of it (RFC 8460). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace consentry::smtp::security {

// Numbers are stored: never reuse.
enum class tls_policy_kind : std::uint8_t { none = 0, sts = 1, tlsa = 2 };

// One attempt at a session with one host.
struct tls_session {
  std::string domain;  // of the recipients, A-labels
  tls_policy_kind policy = tls_policy_kind::none;
  std::vector<std::string> policy_lines;  // section 4.4: of sts its lines, of tlsa its records
  std::vector<std::string> mx_patterns;   // of sts
  std::string result_type;                // section 4.3; empty: success
  std::string mx_host, mx_ip, source_ip;  // may be empty
  std::string cause;                      // ours, in words
};

struct tls_failures {
  std::string result_type, mx_host, mx_ip, source_ip, cause;
  std::uint64_t count = 0;
};

struct tls_policy_counts {
  tls_policy_kind kind = tls_policy_kind::none;
  std::vector<std::string> lines, mx_patterns;
  std::uint64_t successes = 0, failures = 0;
  std::vector<tls_failures> details;  // at most details_max of all policies; more are counted only
};

// One domain's, of one day.
struct tls_day {
  static constexpr std::size_t details_max = 100, policies_max = 10;
  std::vector<tls_policy_counts> policies;

  void add(const tls_session& s, std::uint64_t count = 1);
  void add(const tls_day& other);
  bool empty() const noexcept { return policies.empty(); }
};

// Stored form, version byte first. decode throws decode_error.
std::string encode(const tls_day& d);
tls_day decode_tls_day(std::string_view bytes);

struct report_head {
  std::string organization;
  std::string contact;    // an address
  std::string report_id;  // unique
  std::string domain;
  instant day{};  // its first moment, UTC
};
// Section 4.4: the JSON text.
std::string report_json(const report_head& h, const tls_day& d);
// Section 5.1: "sender!domain!begin!end!id.json.gz"
std::string report_file_name(const report_head& h, std::string_view sender);

// Section 3: where reports go, by the one record among the TXT of _smtp._tls: "mailto:" and
// "https:" URIs, at most 8. Empty: none are wanted.
std::vector<std::string> report_addresses(const std::vector<std::string>& txt);

}  // namespace consentry::smtp::security
