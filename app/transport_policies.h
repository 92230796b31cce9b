// What delivery needs to know of transport security beyond the DNS, brought together: policies of
// MTA-STS, reports of TLS, and the threads that ask strangers over HTTPS for both.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "app/settings.h"
#include "app/tls_reports.h"
#include "base/task_scope.h"
#include "queue/smtp_transport.h"
#include "smtp/security/mta_sts_cache.h"

namespace consentry::app {

// On the thread of its executor.
class transport_policies {
 public:
  transport_policies(boost::asio::any_io_executor executor, store_rooms& rooms,
                     smtp::dns::resolver& dns, const wall_clock& clock, const settings& s,
                     std::function<void(instant due)> notify_queue);

  smtp::security::mta_sts_cache* sts() noexcept { return uses_sts_ ? &policies_ : nullptr; }
  // The settings of the transport, with who counts its sessions.
  queue::smtp_transport_settings watched(queue::smtp_transport_settings s);
  void start(task_scope& tasks) { tasks.spawn(reports_.run()); }
  // After the last delivery.
  boost::asio::awaitable<void> close();

 private:
  worker_pool workers_;
  bool uses_sts_;
  smtp::security::mta_sts_cache policies_;
  tls_reports reports_;
};

}  // namespace consentry::app
