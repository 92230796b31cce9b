// A domain that a tenant sends from: verified, it may stand in From, Sender and Reply-To (RULES A2
// clause 1, A6 H8).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"

namespace consentry::policy::tenants {

// Numbers are stored.
enum class domain_proof : std::uint8_t {
  none = 0,
  dns_token = 1,     // the token was found in the domain's DNS
  operator_act = 2,  // a person of the operator vouches for it
};
std::string_view to_string(domain_proof p) noexcept;

struct sender_domain {
  std::string domain;  // lower-case A-labels, at least two
  tenant_id tenant;
  instant added_at{};
  domain_proof verified_by = domain_proof::none;
  instant verified_at{};      // meaningless while verified_by is none
  std::string dns_token;      // what the tenant publishes to prove the domain; public
  std::string dkim_selector;  // under which its DKIM keys are published

  bool is_verified() const noexcept { return verified_by != domain_proof::none; }
};

// What is stored in table sender_domains under the domain. decode_sender_domain throws
// decode_error.
std::string encode(const sender_domain& d);
sender_domain decode_sender_domain(std::string_view domain, std::string_view bytes);

}  // namespace consentry::policy::tenants
