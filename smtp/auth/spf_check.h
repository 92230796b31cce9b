// Whether a domain's SPF lets an address send for it (RFC 7208): asked of a confined process of its
// own for each question, for which this side asks the DNS (docs/decisions/sender-preflight.md).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <string>

#include "base/worker_pool.h"
#include "smtp/auth/spf/spf_protocol.h"
#include "smtp/dns/resolver.h"

namespace consentry::smtp::auth {

// The DNS as resolver::lookup gives it; tests answer from a table.
using dns_lookup =
    std::function<boost::asio::awaitable<result<dns::dns_answer>>(std::string, dns::record_type)>;

struct spf_check_options {
  std::filesystem::path program;
  unsigned memory_mib = 256;  // address space of one process
  unsigned cpu_s = 5;
  std::chrono::milliseconds time{20'000};  // of one question, the DNS included
  // Of the process, from one word to the next; the wait for a worker is not counted.
  std::chrono::milliseconds step_time{3'000};
};

// Never fails: where the process cannot be started, dies, hangs or talks nonsense, the result is
// temperror and the cause is logged. More than two void lookups, or more questions than ten terms
// can ask, are permerror, whatever the process says. The process is started, spoken
// to and ended on `workers`, which it holds only while it thinks; the caller's thread never waits
// for it. Everything given must outlive it.
boost::asio::awaitable<spf::check_verdict> check_spf(worker_pool& workers, dns_lookup lookup,
                                                     spf_check_options options,
                                                     spf::check_request request);

}  // namespace consentry::smtp::auth
