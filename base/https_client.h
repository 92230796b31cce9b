// One request over HTTPS to a host that strangers name: the one door to libcurl. Verified against
// authorities and name; no redirects, no proxies, no cookies; time and size bounded.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace consentry {

struct https_request {
  std::string url;  // "https://host/..."; without a port 443, or `port` if that is not 0
  // Where the URL's host is: looked up by the caller, whose DNS decides. Nothing else is asked.
  std::vector<boost::asio::ip::address> addresses;
  std::uint16_t port = 0;
  std::string body;                                          // not empty: POST
  std::string content_type;                                  // of the body
  std::vector<std::pair<std::string, std::string>> headers;  // more of them; no CR or LF
  std::filesystem::path authorities;                         // PEM; empty: the system's
  std::size_t answer_bytes_max = 64 << 10;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds timeout{20'000};  // of the whole
  std::function<bool()> is_given_up;          // asked about once a second; may be empty
};

struct https_answer {
  unsigned status = 0;
  std::string content_type;  // as sent
  std::string body;
};

// The host of an https URL in lower case; empty: it is none, or has a user, or characters that no
// URL holds.
std::string https_host(std::string_view url);

// Holds up the calling thread: for workers. Failures: tls (certificate or handshake), timeout, io,
// limit (too large an answer), invalid (URL), cancelled. Any status is an answer.
result<https_answer> ask_https(const https_request& r);

}  // namespace consentry
