// The real transport: routes or DNS to hosts, connections kept for the next message, one recipient
// a transaction.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <memory>

#include "queue/secure_opening.h"
#include "queue/transport.h"
#include "smtp/client/connection.h"
#include "smtp/dns/mx.h"
#include "smtp/dns/resolver.h"

namespace consentry::queue {

struct smtp_transport_settings {
  smtp::client::connection_settings connection;
  tls_settings tls;  // rules.mode is connection's
  smtp::dns::mx_settings mx;
  std::uint16_t port = 25;              // of MX hosts
  bool uses_chunking = true;            // where offered
  std::size_t addresses_tried_max = 5;  // in one attempt, over all hosts
  std::size_t idle_max = 200;           // connections waiting for another message
  std::size_t idle_per_destination = 20;
  std::chrono::milliseconds idle_timeout{10'000};
};

// Falls through to the next address where the host did not answer or answered for itself (scope
// site and session), not where it judged message or recipient. STARTTLS is opportunistic (a failed
// handshake is tried once more in clear text) unless a policy demands more. All on one executor
// that runs on one thread.
class smtp_transport final : public transport {
 public:
  // sts: null: no MTA-STS.
  smtp_transport(boost::asio::any_io_executor executor, smtp::dns::resolver& dns,
                 smtp_transport_settings s, smtp::security::mta_sts_cache* sts = nullptr);
  ~smtp_transport() override;  // after close() has returned

  boost::asio::awaitable<carried> transmit(std::shared_ptr<const transmission> t) override;

  // After the last transmit: QUIT to all that wait.
  boost::asio::awaitable<void> close();

  std::size_t idle() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace consentry::queue
