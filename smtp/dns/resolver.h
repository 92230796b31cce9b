// Questions to the DNS: asynchronous, validating, cached; the one door to libunbound.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "smtp/dns/records.h"

namespace consentry::smtp::dns {

// A zone answered from a master file, without any server (demo, dialogs, tests).
struct embedded_zone {
  std::string name;  // "test", "example.test"
  std::filesystem::path file;
};

// A zone asked from a server of its own: "127.0.0.1@5353", "2001:db8::53".
struct stub_zone {
  std::string name;
  std::string server;
};

// Where neither forwarders nor resolv_conf are given, the resolver asks the root servers itself.
struct resolver_settings {
  std::vector<std::string> forwarders;  // "192.0.2.53", "192.0.2.53@5353"
  std::filesystem::path resolv_conf;    // its name servers are forwarders
  std::filesystem::path root_hints;     // empty: those built in
  std::filesystem::path trust_anchor;   // root key file; empty: no DNSSEC validation
  std::vector<std::string>
      trust_anchors;  // DS or DNSKEY records, "example.test. DS 12345 13 2 ..."
  std::vector<embedded_zone>
      zones;  // these two are taken unsigned unless an anchor of their name stands above
  std::vector<stub_zone> stubs;
  std::chrono::milliseconds timeout{10'000};  // of one lookup
  std::uint16_t edns_buffer_bytes =
      1232;                        // what passes every path unfragmented (DNS flag day 2020)
  std::size_t pending_max = 4096;  // lookups at a time; more fail at once (limit)
  std::size_t cache_bytes = 32 << 20;
  // false: every answer is asked for anew, so that who has just mended a record need not wait for
  // the end of the old answer.
  bool keeps_answers = true;
};

enum class record_type : std::uint16_t {
  a = 1,
  cname = 5,
  ptr = 12,
  mx = 15,
  txt = 16,
  aaaa = 28,
  tlsa = 52
};

enum class existence : std::uint8_t {
  found,
  no_data,  // the name exists, not with this type
  no_name,  // NXDOMAIN
};

struct dns_answer {
  existence found = existence::found;
  bool is_secure = false;  // validated by DNSSEC, a denial too
  std::string
      canonical;  // lower case, no dot at its end: where CNAMEs led; empty: to no other name
  std::vector<std::string> records;  // rdata as on the wire, names uncompressed; at most 64
};

// Any thread may ask; the coroutine goes on on its own executor. Cancellation ends a lookup at
// once. Failures, none of them permanent unless said:
//   dns        no trustworthy answer: SERVFAIL, bogus signatures, no server, deadline passed
//   not_found  NXDOMAIN, permanent
//   limit      more than pending_max lookups run
//   invalid    not a domain name, permanent
//   cancelled
class resolver {
 public:
  // executor must run on one thread only (an io_context of one thread, or a strand). Throws
  // configuration_error.
  resolver(boost::asio::any_io_executor executor, const resolver_settings& settings);
  // After every lookup has come back, on the executor or when it has stopped.
  ~resolver();
  resolver(const resolver&) = delete;
  resolver& operator=(const resolver&) = delete;

  // name without or with a dot at its end; A-labels and "_" labels. no_name is an answer here, not
  // a failure.
  boost::asio::awaitable<result<dns_answer>> lookup(std::string name, record_type type);
  // The same, given up after so long; the answer may still come to the cache.
  boost::asio::awaitable<result<dns_answer>> lookup_within(std::string name, record_type type,
                                                           std::chrono::milliseconds wait);

  // Empty: the name exists without such records. Records that do not parse are left out.
  boost::asio::awaitable<result<std::vector<mx_record>>> mx(std::string name);
  boost::asio::awaitable<result<std::vector<std::string>>> txt(std::string name);
  boost::asio::awaitable<result<std::vector<std::string>>> txt_within(
      std::string name, std::chrono::milliseconds wait);
  boost::asio::awaitable<result<std::vector<boost::asio::ip::address>>> a(std::string name);
  boost::asio::awaitable<result<std::vector<boost::asio::ip::address>>> aaaa(std::string name);

  // Holds up the calling thread: for workers that serve libraries which cannot wait otherwise.
  // Never on the executor's thread. deadline cuts settings.timeout shorter.
  result<std::vector<std::string>> txt_blocking(std::string name,
                                                std::chrono::milliseconds deadline);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace consentry::smtp::dns
