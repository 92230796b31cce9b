// A TCP connection as byte_stream, with TLS from the start, later or never.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>

#include "smtp/server/byte_stream.h"
#include "smtp/server/listener.h"

namespace consentry::smtp::server {

// Sets TCP_NODELAY. tls is asked when the handshake begins.
std::unique_ptr<byte_stream> make_socket_stream(boost::asio::ip::tcp::socket socket,
                                                tls_source tls);

}  // namespace consentry::smtp::server
