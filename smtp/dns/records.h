// The insides of DNS records as they come over the wire (RFC 1035 section 3.3): bounded, and strict
// enough that what comes out may stand in a log or in a reply.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace consentry::smtp::dns {

struct mx_record {
  std::uint16_t preference = 0;
  std::string host;  // lower case, no dot at its end; "" is the root: the null MX of RFC 7505
  friend bool operator==(const mx_record&, const mx_record&) = default;
};

// TLSA (RFC 6698 section 2.1): the numbers as they came, known or not.
struct tlsa_record {
  std::uint8_t usage = 0;     // 2: DANE-TA, 3: DANE-EE
  std::uint8_t selector = 0;  // 0: certificate, 1: public key
  std::uint8_t matching = 0;  // 0: whole, 1: SHA-256, 2: SHA-512
  std::string data;           // bytes
  friend bool operator==(const tlsa_record&, const tlsa_record&) = default;
};

// All of them: nullopt if rdata is cut short, has more than it should, or names hold anything but
// letters, digits, "-" and "_". Names are not compressed (the resolver has undone that).
std::optional<mx_record> parse_mx(std::string_view rdata);
// The character strings joined (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2).
std::optional<std::string> parse_txt(std::string_view rdata);
// "192.0.2.1", "2001:db8::1"
std::optional<std::string> parse_a(std::string_view rdata);
std::optional<std::string> parse_aaaa(std::string_view rdata);
// Data must not be empty.
std::optional<tlsa_record> parse_tlsa(std::string_view rdata);

}  // namespace consentry::smtp::dns
