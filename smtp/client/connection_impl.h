// The inside of a connection, shared by connection.cc (bytes and deadlines) and open.cc (the way to
// a usable session).
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "smtp/client/connection.h"
#include "smtp/client/reply_reader.h"

namespace consentry::smtp::client {

struct connection::impl {
  using tcp = boost::asio::ip::tcp;

  // A socket and the clock that closes it. Shared with the clock's handler, which may come after
  // the connection has gone.
  struct wire {
    explicit wire(const boost::asio::any_io_executor& e) : socket{e}, clock{e} {}
    static constexpr auto never = std::chrono::steady_clock::time_point::max();
    tcp::socket socket;
    boost::asio::steady_timer clock;
    std::chrono::steady_clock::time_point until = never;     // of the operation that runs
    std::chrono::steady_clock::time_point rings_at = never;  // the clock
    bool timed_out = false;
  };

  impl(const boost::asio::any_io_executor& e, target t, connection_settings s)
      : to{std::move(t)}, settings{std::move(s)}, line{std::make_shared<wire>(e)} {}

  // One operation, closed by the clock when deadline has passed. The clock is set anew only for an
  // earlier time: ringing too early it looks, and waits on. Most operations leave it alone.
  static void start_clock(const std::shared_ptr<wire>& line, std::chrono::milliseconds deadline);
  static void set_clock(const std::shared_ptr<wire>& line);
  static void stop_clock(wire& line);
  boost::asio::awaitable<bool> is_cancelled();
  failure ended(const boost::system::error_code& e, std::string_view what);

  boost::asio::awaitable<result<void>> connect();
  boost::asio::awaitable<result<void>> handshake();
  boost::asio::awaitable<result<void>> write(std::string_view bytes,
                                             std::chrono::milliseconds deadline);
  boost::asio::awaitable<result<void>> write(const std::vector<std::string_view>& pieces,
                                             std::chrono::milliseconds deadline);
  connection::rest unread() const noexcept;
  boost::asio::awaitable<result<reply>> read_reply(std::chrono::milliseconds deadline);
  // Writes a command line and reads its reply.
  boost::asio::awaitable<result<reply>> command(std::string text,
                                                std::chrono::milliseconds deadline);
  void close() noexcept;

  // The steps of open(): what went wrong, or nothing.
  boost::asio::awaitable<std::optional<outcome>> greet();
  boost::asio::awaitable<std::optional<outcome>> hello();
  outcome loop() const;
  boost::asio::awaitable<std::optional<outcome>> start_tls(open_result& told);
  boost::asio::awaitable<std::optional<outcome>> open_steps(open_result& told);
  void tell_protection(SSL* ssl);
  std::string session_key() const;

  target to;
  connection_settings settings;
  std::shared_ptr<wire> line;
  std::optional<boost::asio::ssl::stream<tcp::socket&>> secure;
  std::string tls;
  peer_verdict verdict;
  reply_reader replies;
  std::array<char, 4096> input;
  capabilities offers;
  std::string joined;  // under TLS, what is written in pieces: records are filled
  unsigned messages = 0;
  bool rset_needed = false;
};

}  // namespace consentry::smtp::client
