#include "policy/tenants/sender_domain.h"

#include "base/bytes.h"

namespace consentry::policy::tenants {
namespace {

constexpr std::uint8_t version = 1;

}  // namespace

std::string_view to_string(domain_proof p) noexcept {
  switch (p) {
    case domain_proof::none:
      return "none";
    case domain_proof::dns_token:
      return "dns_token";
    case domain_proof::operator_act:
      return "operator";
  }
  return "unknown";
}

std::string encode(const sender_domain& d) {
  return byte_writer{}
      .u8(version)
      .be32(d.tenant.value)
      .zigzag(to_ms(d.added_at))
      .u8(static_cast<std::uint8_t>(d.verified_by))
      .zigzag(to_ms(d.verified_at))
      .text(d.dns_token)
      .text(d.dkim_selector)
      .take();
}

sender_domain decode_sender_domain(std::string_view domain, std::string_view bytes) {
  byte_reader in{bytes};
  if (in.u8() != version) throw decode_error("sender domain: unknown version");
  sender_domain d;
  d.domain = domain;
  d.tenant = {in.be32()};
  d.added_at = from_ms(in.zigzag());
  d.verified_by = static_cast<domain_proof>(in.u8());
  // An unknown proof must not pass for one.
  if (to_string(d.verified_by) == "unknown") throw decode_error("sender domain: unknown proof");
  d.verified_at = from_ms(in.zigzag());
  d.dns_token = in.text();
  d.dkim_selector = in.text();
  if (!in.at_end()) throw decode_error("sender domain: bytes behind it");
  return d;
}

}  // namespace consentry::policy::tenants
