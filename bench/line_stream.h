// A TCP connection that may turn to TLS, read line by line. For the load programs only: errors are
// exceptions (boost::system::system_error), and there are no deadlines but the watchdog's of the
// program.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace consentry::bench {

class line_stream {
 public:
  using tcp = boost::asio::ip::tcp;

  explicit line_stream(tcp::socket socket) : socket_{std::move(socket)} {}

  // Hands over to TLS; bytes read before are dropped (RFC 3207 section 4.2).
  boost::asio::awaitable<void> start_tls(boost::asio::ssl::context& tls,
                                         boost::asio::ssl::stream_base::handshake_type role);
  bool is_tls() const noexcept { return tls_.has_value(); }

  // The next line without its CRLF; valid until the next read.
  boost::asio::awaitable<std::string_view> read_line();
  // Everything up to and without the end mark; valid until the next read.
  boost::asio::awaitable<std::string_view> read_until(std::string_view end_mark);
  // So many octets; valid until the next read.
  boost::asio::awaitable<std::string_view> read_exactly(std::size_t n);
  // The last line of a reply of one or more lines.
  boost::asio::awaitable<std::string_view> read_reply();
  // The lines of a reply, one after the other.
  boost::asio::awaitable<std::string> read_whole_reply();

  boost::asio::awaitable<void> write(std::string_view bytes);
  // Sent before the next wait for the other side, together with what else was queued (RFC 2920
  // section 3.2).
  void queue(std::string_view bytes) { queued_.append(bytes); }
  boost::asio::awaitable<void> flush();

  tcp::socket& socket() noexcept { return socket_; }

 private:
  // More of what the other side says, after what is queued was sent.
  boost::asio::awaitable<void> fill();

  tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<tcp::socket&>> tls_;
  std::string queued_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of what was not handed out yet
};

}  // namespace consentry::bench
