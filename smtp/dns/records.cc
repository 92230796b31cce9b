#include "smtp/dns/records.h"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>

namespace consentry::smtp::dns {
namespace {

constexpr std::size_t label_bytes_max = 63, name_bytes_max = 255;

// Host names that are looked up again, logged, and shown to senders: nothing that could be taken
// for something else.
bool is_name_character(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

// A whole uncompressed name that fills wire.
std::optional<std::string> parse_name(std::string_view wire) {
  if (wire.size() > name_bytes_max) return std::nullopt;
  std::string out;
  while (!wire.empty()) {
    const auto length = static_cast<unsigned char>(wire[0]);
    wire.remove_prefix(1);
    if (length == 0) return wire.empty() ? std::optional{out} : std::nullopt;
    // Above 63 stands a compression pointer, which has no place here.
    if (length > label_bytes_max || length > wire.size()) return std::nullopt;
    if (!out.empty()) out += '.';
    for (char c : wire.substr(0, length)) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
      if (!is_name_character(static_cast<unsigned char>(c))) return std::nullopt;
      out += c;
    }
    wire.remove_prefix(length);
  }
  return std::nullopt;  // the root label is missing
}

}  // namespace

std::optional<mx_record> parse_mx(std::string_view rdata) {
  if (rdata.size() < 3) return std::nullopt;
  auto host = parse_name(rdata.substr(2));
  if (!host) return std::nullopt;
  const auto preference =
      static_cast<unsigned char>(rdata[0]) << 8 | static_cast<unsigned char>(rdata[1]);
  return mx_record{static_cast<std::uint16_t>(preference), std::move(*host)};
}

std::optional<std::string> parse_txt(std::string_view rdata) {
  if (rdata.empty()) return std::nullopt;
  std::string out;
  while (!rdata.empty()) {
    const auto length = static_cast<unsigned char>(rdata[0]);
    rdata.remove_prefix(1);
    if (length > rdata.size()) return std::nullopt;
    out += rdata.substr(0, length);
    rdata.remove_prefix(length);
  }
  return out;
}

std::optional<std::string> parse_a(std::string_view rdata) {
  boost::asio::ip::address_v4::bytes_type bytes;
  if (rdata.size() != bytes.size()) return std::nullopt;
  std::copy(rdata.begin(), rdata.end(), bytes.begin());
  return boost::asio::ip::address_v4{bytes}.to_string();
}

std::optional<std::string> parse_aaaa(std::string_view rdata) {
  boost::asio::ip::address_v6::bytes_type bytes;
  if (rdata.size() != bytes.size()) return std::nullopt;
  std::copy(rdata.begin(), rdata.end(), bytes.begin());
  return boost::asio::ip::address_v6{bytes}.to_string();
}

std::optional<tlsa_record> parse_tlsa(std::string_view rdata) {
  if (rdata.size() < 4) return std::nullopt;
  return tlsa_record{static_cast<std::uint8_t>(rdata[0]), static_cast<std::uint8_t>(rdata[1]),
                     static_cast<std::uint8_t>(rdata[2]), std::string{rdata.substr(3)}};
}

}  // namespace consentry::smtp::dns
