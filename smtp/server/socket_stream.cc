#include "smtp/server/socket_stream.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <optional>

namespace consentry::smtp::server {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using tls_stream = asio::ssl::stream<tcp::socket&>;

constexpr auto wait_for_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds close_patience{1000};
constexpr std::size_t close_octets_max = 64 * 1024;  // what is read off a peer that talks on

// The socket and the deadline of what it waits for. One timer serves all waits: it is set again
// only when it fires too early, so a deadline costs a clock reading, not a timer per read.
class guarded_socket : public std::enable_shared_from_this<guarded_socket> {
 public:
  explicit guarded_socket(tcp::socket s) : socket{std::move(s)}, timer_{socket.get_executor()} {}

  void begin(byte_stream::duration timeout) {
    deadline_ = std::chrono::steady_clock::now() + timeout;
    waiting_ = true;
    timed_out_ = false;
    if (!armed_ || timer_.expiry() > deadline_) arm();
  }
  // What the wait came to.
  result<void> end(error_code ec) {
    waiting_ = false;
    if (!ec) return {};
    if (ec == asio::error::operation_aborted)
      return failure{timed_out_ ? failure_kind::timeout : failure_kind::cancelled, false,
                     failure_scope::session, timed_out_ ? "timeout" : "interrupted", ""};
    is_broken = true;
    const bool tls = ec.category() == asio::error::get_ssl_category() ||
                     ec.category() == asio::ssl::error::get_stream_category();
    return failure{tls ? failure_kind::tls : failure_kind::io, false, failure_scope::session,
                   "connection broken", ec.message()};
  }
  void stop() { timer_.cancel(); }

  tcp::socket socket;
  bool is_broken = false;  // nothing polite can be said any more

 private:
  void arm() {
    armed_ = true;
    timer_.expires_at(deadline_);
    timer_.async_wait([self = shared_from_this()](error_code ec) {
      if (!ec) self->fire();  // else it was set anew, or stopped
    });
  }
  void fire() {
    armed_ = false;
    if (!waiting_) return;
    if (std::chrono::steady_clock::now() < deadline_) return arm();
    timed_out_ = true;
    error_code ignored;
    socket.cancel(ignored);
  }

  asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_;
  bool armed_ = false;
  bool waiting_ = false;
  bool timed_out_ = false;
};

class socket_stream final : public byte_stream {
 public:
  socket_stream(tcp::socket socket, tls_source tls)
      : core_{std::make_shared<guarded_socket>(std::move(socket))}, source_{std::move(tls)} {
    error_code ignored;
    core_->socket.set_option(tcp::no_delay{true}, ignored);
  }
  ~socket_stream() override {
    core_->stop();
    tls_.reset();  // it refers to the socket
  }

  awaitable<result<std::size_t>> read_some(std::span<char> into, duration timeout) override {
    if (interrupted_) {
      interrupted_ = false;
      co_return failure{failure_kind::cancelled, false, failure_scope::session, "interrupted", ""};
    }
    const auto buffer = asio::buffer(into.data(), into.size());
    core_->begin(timeout);
    reading_ = true;
    error_code ec;
    std::size_t octets = 0;
    if (tls_)
      std::tie(ec, octets) = co_await tls_->async_read_some(buffer, wait_for_tuple);
    else
      std::tie(ec, octets) = co_await core_->socket.async_read_some(buffer, wait_for_tuple);
    reading_ = false;
    if (ec == asio::error::eof || ec == asio::ssl::error::stream_truncated) {
      core_->is_broken = true;
      (void)core_->end({});
      co_return std::size_t{0};
    }
    const auto ended = core_->end(ec);
    if (!ended) {
      if (ended.error().kind == failure_kind::cancelled) interrupted_ = false;
      co_return ended.error();
    }
    co_return octets;
  }

  awaitable<result<void>> write(std::string_view bytes, duration timeout) override {
    const auto buffer = asio::buffer(bytes.data(), bytes.size());
    core_->begin(timeout);
    error_code ec;
    std::size_t octets = 0;
    if (tls_)
      std::tie(ec, octets) = co_await asio::async_write(*tls_, buffer, wait_for_tuple);
    else
      std::tie(ec, octets) = co_await asio::async_write(core_->socket, buffer, wait_for_tuple);
    if (ec) core_->is_broken = true;  // half a reply may be out: nothing more can be said
    co_return core_->end(ec);
  }

  std::size_t available() override {
    error_code ec;
    return core_->socket.available(ec);
  }

  bool can_start_tls() const override { return !tls_ && source_ && source_() != nullptr; }

  awaitable<result<void>> start_tls(duration timeout) override {
    context_ = source_ ? source_() : nullptr;
    if (!context_)
      co_return failure{failure_kind::tls, false, failure_scope::session, "no certificate", ""};
    tls_.emplace(core_->socket, *context_);
    core_->begin(timeout);
    error_code ec;
    std::tie(ec) = co_await tls_->async_handshake(tls_stream::server, wait_for_tuple);
    if (ec) core_->is_broken = true;
    co_return core_->end(ec);
  }

  std::string tls() const override {
    if (!tls_) return {};
    auto* const ssl = const_cast<tls_stream&>(*tls_).native_handle();
    return std::string{SSL_get_version(ssl)} + " " + SSL_get_cipher_name(ssl);
  }

  awaitable<void> close() override {
    auto& socket = core_->socket;
    error_code ec;
    if (!core_->is_broken) {
      core_->begin(close_patience);
      if (tls_) std::tie(ec) = co_await tls_->async_shutdown(wait_for_tuple);
      error_code ignored;
      socket.shutdown(tcp::socket::shutdown_send, ignored);
      std::array<char, 4096> rest;
      const auto buffer = asio::buffer(rest);
      std::size_t octets = 0;
      for (std::size_t all = 0; !ec && all < close_octets_max; all += octets)
        std::tie(ec, octets) = co_await socket.async_read_some(buffer, wait_for_tuple);
      (void)core_->end(ec);
    }
    core_->stop();
    socket.close(ec);
  }

  void interrupt() override {
    interrupted_ = true;  // kept for the next read if none is under way
    error_code ignored;
    if (reading_) core_->socket.cancel(ignored);
  }

 private:
  std::shared_ptr<guarded_socket> core_;
  const tls_source source_;
  std::shared_ptr<asio::ssl::context> context_;  // of the TLS that is on
  std::optional<tls_stream> tls_;
  bool reading_ = false;
  bool interrupted_ = false;
};

}  // namespace

std::unique_ptr<byte_stream> make_socket_stream(tcp::socket socket, tls_source tls) {
  return std::make_unique<socket_stream>(std::move(socket), std::move(tls));
}

}  // namespace consentry::smtp::server
