// The MTA-STS policy of a domain, as mail for it needs it now: from the cache, or fetched (RFC 8461
// sections 3.3 and 5.1).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/commit_loop.h"
#include "base/worker_pool.h"
#include "smtp/dns/mx.h"
#include "smtp/security/mta_sts_store.h"

namespace consentry::smtp::security {

enum class sts_fault : std::uint8_t {
  none,
  fetch,    // the file could not be had
  webpki,   // its host has no certificate that is trusted
  invalid,  // it does not parse
};
// The result types of RFC 8460 section 4.3.2.
std::string_view to_string(sts_fault f) noexcept;

struct sts_finding {
  std::shared_ptr<const sts_policy> policy;  // null: none is known
  sts_fault fault = sts_fault::none;         // of the last fetch that was due
};

struct mta_sts_settings {
  std::filesystem::path authorities;  // PEM; empty: the system's
  std::uint16_t port = 443;           // for tests
  bool allow_loopback = false;        // as well
  std::chrono::milliseconds fetch_timeout{20'000};
  // A domain that could not be fetched is not asked again for so long (section 3.3).
  std::chrono::milliseconds retry_after{std::chrono::minutes{5}};
  // A policy in use is looked at again when a day, or half its life, has passed.
  std::chrono::milliseconds refresh_after{std::chrono::hours{24}};
  std::size_t domains_max = 50'000;  // in memory
  std::size_t fetches_max = 256;     // at a time; more count as failed
};

// All on one executor that runs on one thread.
class mta_sts_cache {
 public:
  struct parts {
    boost::asio::any_io_executor executor;
    dns::resolver& dns;
    const store_env& env;
    commit_loop& commits;
    const mta_sts_store& store;
    worker_pool& workers;  // that may wait
    const wall_clock& clock;
  };
  mta_sts_cache(parts p, mta_sts_settings s);
  ~mta_sts_cache();  // after close() has returned

  // domain: A-labels. Waits for DNS, and for the first fetch of a policy or of a new one (its id
  // has changed). What cannot be fetched leaves the old policy in force until it ends. A store that
  // cannot be read is a failure: what was promised is not known.
  boost::asio::awaitable<result<sts_finding>> find(std::string domain);

  // Gives up fetches under way.
  boost::asio::awaitable<void> close();

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace consentry::smtp::security
