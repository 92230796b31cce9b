// A bound, listening TCP socket that belongs to no I/O thread yet: made while privileges are held,
// used after.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>

namespace consentry::smtp::server {

class listen_socket {
 public:
  // Throws configuration_error naming address and cause. Port 0: any free one. IPv6 addresses take
  // IPv6 only.
  static listen_socket bind(const std::string& ip, std::uint16_t port, int backlog);
  // Takes over a descriptor that listens already. Throws configuration_error if it does not.
  static listen_socket adopt(int fd);

  listen_socket(listen_socket&& other) noexcept;
  listen_socket& operator=(listen_socket&&) = delete;
  ~listen_socket();

  boost::asio::ip::tcp::endpoint endpoint() const;
  int release() noexcept;  // the caller closes it

 private:
  explicit listen_socket(int fd) noexcept : fd_{fd} {}
  int fd_ = -1;
};

}  // namespace consentry::smtp::server
