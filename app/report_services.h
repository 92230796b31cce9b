// What runs beside mail so that others learn of it: webhooks, the signer of evidence, the probe of
// availability, and the end of digests that are too old.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/settings.h"
#include "app/webhook_courier.h"
#include "base/signing_key.h"
#include "smtp/server/listener.h"

namespace consentry::app {

class report_services {
 public:
  // executor: of one thread. All outlive it. Throws configuration_error.
  report_services(boost::asio::any_io_executor executor, store_rooms& rooms,
                  smtp::dns::resolver& dns, const wall_clock& clock, const settings& s);

  webhook_courier& webhooks() noexcept { return webhooks_; }
  const signing_key& evidence_key() const noexcept { return evidence_key_; }
  const std::string& metrics_token() const noexcept { return metrics_token_; }  // empty: none

  // is_sending: false in a restored store, which tells nobody what it only remembers. probed: where
  // clients come in; nullopt: nobody asks whether it answers.
  void start(bool is_sending, std::optional<boost::asio::ip::tcp::endpoint> probed);
  boost::asio::awaitable<void> close();

 private:
  boost::asio::awaitable<void> probe(boost::asio::ip::tcp::endpoint at);
  boost::asio::awaitable<void> trim_digests();

  boost::asio::any_io_executor executor_;
  store_rooms& rooms_;
  const wall_clock& clock_;
  std::chrono::days retain_;
  signing_key evidence_key_;
  std::string metrics_token_;
  webhook_courier webhooks_;
  task_scope tasks_;
};

// The first listener for clients, as the machine itself reaches it.
std::optional<boost::asio::ip::tcp::endpoint> probe_address_of(
    const settings& s, const std::vector<std::unique_ptr<smtp::server::listener>>& listeners);

}  // namespace consentry::app
