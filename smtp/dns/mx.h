// Which hosts take mail for a domain, in the order to try them (RFC 5321 section 5.1, RFC 7505).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "smtp/dns/resolver.h"
#include "smtp/reply.h"

namespace consentry::smtp::dns {

enum class address_preference : std::uint8_t { ipv4_first, ipv6_first, ipv4_only, ipv6_only };

struct mx_settings {
  std::vector<std::string> own_names;  // lower case: hosts that are this gateway
  address_preference prefer = address_preference::ipv4_first;
  bool allow_loopback = false;    // tests and the demo: else 127/8, ::1, link-local, multicast and
                                  // 0.0.0.0 are no mail hosts
  std::size_t hosts_max = 16;     // the best ones are kept
  std::size_t addresses_max = 8;  // of one host
};

struct mx_host {
  std::string name;  // "mx1.example.hu", or "[192.0.2.1]" for an address literal
  std::uint16_t preference = 0;
};

struct mx_plan {
  std::vector<mx_host> hosts;  // never empty; equal preferences shuffled
  bool is_implicit = false;    // no MX: the domain itself
  bool is_secure = false;      // the MX answer was validated
  // Names the set of hosts: domains with the same set get the same text
  // ("mx1.example.hu,mx2.example.hu", sorted). A long set is named by its hash.
  std::string site;
};

// domain as mailbox::ascii_domain() gives it. Permanent failures:
//   not_found  no such domain, or neither MX nor address (5.1.2)
//   refused    null MX: takes no mail (5.1.10)
//   conflict   its MX is this gateway (5.4.6)
//   invalid    an MX record whose host is no name, and none better
// others as resolver.
boost::asio::awaitable<result<mx_plan>> find_hosts(resolver& dns, std::string domain,
                                                   mx_settings settings);

// At most addresses_max, the preferred family first. not_found (permanent): none that can be used.
boost::asio::awaitable<result<std::vector<boost::asio::ip::address>>> find_addresses(
    resolver& dns, std::string host, mx_settings settings);

// A host as the DNS knows it, for who must know whether that can be believed (RFC 7672
// section 2.2).
struct host_addresses {
  std::vector<boost::asio::ip::address> addresses;  // as find_addresses() gives them
  bool is_secure = false;  // an answer with addresses was validated, every CNAME on the way too
  std::string canonical;   // where CNAMEs led; empty: to no other name
};
boost::asio::awaitable<result<host_addresses>> find_host(resolver& dns, std::string host,
                                                         mx_settings settings);

// What the sender is told: "550 5.1.2 ...", "556 5.1.10 ...", "554 5.4.6 ...", "451 4.4.3 ...".
smtp::reply to_reply(const failure& dns_failure);

}  // namespace consentry::smtp::dns
