// Listens, lets connections in within their limits and gives each a session.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "smtp/server/session.h"
#include "smtp/server/session_settings.h"

namespace boost::asio::ssl {
class context;
}

namespace consentry::smtp::server {

struct listen_address {
  std::string ip = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one, see listener::bound()
};

struct listener_settings {
  std::vector<listen_address> addresses;
  std::vector<int>
      adopted;  // sockets that listen already (systemd, a privileged parent); owned from here on
  std::size_t connections_max = 1000;
  std::size_t connections_per_peer_max = 100;  // IPv4 address or IPv6 /64
  int backlog = 511;
};

// Asked for every new connection and STARTTLS, on an I/O thread: a reload just answers another
// context. nullptr: no TLS.
using tls_source = std::function<std::shared_ptr<boost::asio::ssl::context>()>;

// open() before privileges are dropped, start() after. The owner runs each executor's io_context on
// exactly one thread, and ends with stop_accepting(); wait for drained() with a deadline of its
// own; else cancel() and drained().
class listener {
 public:
  listener(listener_settings where, session_settings how, tls_source tls,
           session_services& services);
  ~listener();  // CHECKs that nothing runs any more
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  // Binds and listens. Throws configuration_error naming the address.
  void open();
  std::vector<boost::asio::ip::tcp::endpoint> bound() const;

  // The first executor accepts; sessions go round all of them. At least one.
  void start(std::vector<boost::asio::any_io_executor> executors);

  // For sessions that begin from now on. Any thread.
  void set_session_settings(session_settings how);

  // All three from any thread.
  void stop_accepting();  // and lets running sessions end with 421 4.3.2 between their transactions
  void cancel();          // ends them now
  boost::asio::awaitable<void> drained();

  std::size_t sessions() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace consentry::smtp::server
