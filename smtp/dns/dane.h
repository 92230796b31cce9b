// The TLSA records of a mail host (RFC 7672 sections 2.2 and 3.1, RFC 6698).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "smtp/dns/mx.h"

namespace consentry::smtp::dns {

struct dane_records {
  bool has_any = false;  // secure TLSA records exist: no mail without TLS
  // Those that say whom to believe: usage DANE-TA(2) or DANE-EE(3), selector and matching type
  // known, data of the right length. Empty though has_any: TLS, nobody verified.
  std::vector<tlsa_record> usable;
  std::string base;  // the TLSA base domain: SNI, and a reference identifier of DANE-TA
};

// Of a host whose MX answer was secure, as find_host() found it. Failures are the resolver's (kind
// dns): bogus, or no answer where the host's addresses are secure. Then nothing may be sent to this
// host (section 2.1.2): an attacker who can drop packets must not be able to switch DANE off.
boost::asio::awaitable<result<dane_records>> find_dane(resolver& dns, std::string host,
                                                       host_addresses found, std::uint16_t port);

// Whether the record can be used for SMTP (section 3.1): usages 0 and 1 cannot.
bool is_usable(const tlsa_record& r) noexcept;

}  // namespace consentry::smtp::dns
