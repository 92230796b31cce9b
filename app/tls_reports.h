// Reports of TLS to the domains that ask for them (RFC 8460): sessions are counted in memory,
// written down every minute, and told of when their day (UTC) is over.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "smtp/address.h"
#include "smtp/dns/mx.h"
#include "smtp/security/tls_report.h"

namespace consentry::app {

struct tls_report_options {
  bool is_on = true;
  std::string organization;
  smtp::mailbox contact;              // From of the mail; its domain's DKIM keys sign
  std::string host_name;              // the submitter, and for Message-ID
  std::filesystem::path authorities;  // for https: addresses; PEM, empty: the system's
  bool allow_loopback = false;        // of their hosts (tests)
};

// All on one executor that runs on one thread.
class tls_reports {
 public:
  struct parts {
    store_rooms& rooms;
    const wall_clock& clock;
    smtp::dns::resolver& dns;
    worker_pool& workers;  // that may wait
    std::function<void(instant due)> notify_queue;
  };
  tls_reports(parts p, tls_report_options o);

  void count(const smtp::security::tls_session& s);

  // Until cancelled.
  boost::asio::awaitable<void> run();
  // Writes down what was counted of domains that want reports.
  boost::asio::awaitable<result<void>> flush();
  // One round over days that have ended: what is due is sent, or dropped after three days.
  boost::asio::awaitable<result<void>> report();
  // At the end: what was counted since the last flush. Requests under way are given up.
  boost::asio::awaitable<void> close();

 private:
  using key = std::pair<std::uint32_t, std::string>;  // day, domain
  boost::asio::awaitable<bool> is_wanted(std::string domain);
  boost::asio::awaitable<bool> post(std::string uri, std::string packed);
  boost::asio::awaitable<result<void>> report_one(smtp::security::tls_report_store::row which);

  parts p_;
  tls_report_options options_;
  std::map<key, smtp::security::tls_day> counted_;
  std::map<std::string, bool> wanted_;  // today, as the DNS said
  std::uint32_t wanted_day_ = 0;
  std::shared_ptr<std::atomic<bool>> is_closed_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace consentry::app
