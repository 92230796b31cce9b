// Which addresses a URL that somebody else wrote may lead to: those of the internet, never those of
// this machine or its neighbours (SSRF).
#pragma once

#include <boost/asio/ip/address.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace consentry::app {

// Not loopback, private, shared, link-local (where clouds keep their metadata), multicast,
// documentation, benchmark or reserved; IPv6: global unicast, and none that carries an IPv4 address
// within (IANA special-purpose registries, RFC 6890).
bool is_outward(const boost::asio::ip::address& a);

// "10.1.2.0/24", "::1": networks that a setting opens.
class opened_networks {
 public:
  bool add(std::string_view network);  // false: not an address or a network
  bool has(const boost::asio::ip::address& a) const;

 private:
  struct network {
    boost::asio::ip::address at;
    unsigned bits;
  };
  std::vector<network> networks_;
};

// The host of an https URL that may be asked: a name with a dot whose last label is no number (such
// a host is an address in disguise), port 443 or 1024 and up. invalid otherwise.
result<std::string> outward_host(std::string_view url);

}  // namespace consentry::app
