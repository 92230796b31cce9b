// Listening sockets, bound before the process gives up what it may.
#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio.hpp>

#include "app/gateway.h"

namespace consentry::app {

namespace asio = boost::asio;
using asio::ip::tcp;

std::vector<int> bind_listeners(const settings& s) {
  std::vector<int> sockets;
  for (const auto& l : s.listeners) {
    asio::io_context io;
    const tcp::endpoint at{asio::ip::make_address(l.host), l.port};
    tcp::acceptor acceptor{io};
    boost::system::error_code error;
    acceptor.open(at.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor.bind(at, error);
    if (!error) acceptor.listen(511, error);
    if (error)
      throw configuration_error(
          fmt::format("[[listener]] {}:{}: {}", l.host, l.port, error.message()));
    sockets.push_back(acceptor.release());
  }
  return sockets;
}

}  // namespace consentry::app
