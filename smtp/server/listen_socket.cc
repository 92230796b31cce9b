#include "smtp/server/listen_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <cstring>

#include "base/result.h"

namespace consentry::smtp::server {
namespace {

using tcp = boost::asio::ip::tcp;

[[noreturn]] void fail(const std::string& what, const char* doing) {
  const int error = errno;
  throw configuration_error(what + ": " + doing + ": " + std::strerror(error));
}

}  // namespace

listen_socket::listen_socket(listen_socket&& other) noexcept : fd_{other.release()} {}

listen_socket::~listen_socket() {
  if (fd_ >= 0) ::close(fd_);
}

int listen_socket::release() noexcept {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

listen_socket listen_socket::bind(const std::string& ip, std::uint16_t port, int backlog) {
  const std::string what = "listen address " + ip + " port " + std::to_string(port);
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(ip, ec);
  if (ec) throw configuration_error(what + ": not an IP address");
  const tcp::endpoint at{address, port};
  listen_socket s{::socket(at.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (s.fd_ < 0) fail(what, "socket");
  const int on = 1;
  if (::setsockopt(s.fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
    fail(what, "SO_REUSEADDR");
  if (address.is_v6() && ::setsockopt(s.fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
    fail(what, "IPV6_V6ONLY");
  if (::bind(s.fd_, at.data(), static_cast<socklen_t>(at.size())) != 0) fail(what, "bind");
  if (::listen(s.fd_, backlog) != 0) fail(what, "listen");
  return s;
}

listen_socket listen_socket::adopt(int fd) {
  listen_socket s{fd};
  const std::string what = "adopted socket " + std::to_string(fd);
  int listening = 0;
  socklen_t length = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0)
    fail(what, "getsockopt");
  if (listening == 0) throw configuration_error(what + ": does not listen");
  return s;
}

tcp::endpoint listen_socket::endpoint() const {
  tcp::endpoint at;
  auto length = static_cast<socklen_t>(at.capacity());
  if (::getsockname(fd_, at.data(), &length) != 0) fail("listening socket", "getsockname");
  at.resize(length);
  return at;
}

}  // namespace consentry::smtp::server
