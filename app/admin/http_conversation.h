// One connection of HTTP: requests read within their bounds, answered one after the other. A
// template over the stream, so that plain, TLS and Unix sockets are served by the same lines.
#pragma once

#include <atomic>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "app/admin/http_server.h"

namespace consentry::app::admin {

// What a connection knows of the other side.
struct http_peer {
  std::string remote_ip;
  std::string kernel_login;
};

struct http_services {
  handler handle;
  http_limits limits;
  doorman door;
  std::atomic<std::size_t> body_bytes{0};  // reserved, of all connections
  std::atomic<bool> is_stopping{false};    // answers without an end come to one
};

// A place for one body in what all may take up together.
class body_place {
 public:
  body_place(http_services& services, std::size_t bytes)
      : services_{services}, bytes_{bytes <= services.limits.body_small ? 0 : bytes} {
    if (bytes_ == 0) return;
    const auto before = services_.body_bytes.fetch_add(bytes_);
    is_taken_ = before + bytes_ <= services_.limits.bodies_in_memory_max;
  }
  ~body_place() { services_.body_bytes -= bytes_; }
  body_place(const body_place&) = delete;
  body_place& operator=(const body_place&) = delete;
  bool is_taken() const noexcept { return is_taken_; }

 private:
  http_services& services_;
  std::size_t bytes_;
  bool is_taken_ = true;
};

using http_head = boost::beast::http::request_header<boost::beast::http::fields>;
using http_reply = boost::beast::http::response<boost::beast::http::string_body>;

// nullopt: the target is not a path.
std::optional<request> read_head(const http_head& head, const http_peer& peer);
// What the handler says; its exceptions as problems.
boost::asio::awaitable<response> answer_of(const http_services& services, request r);
// Header values from outside lose what could end a header line.
http_reply make_reply(response out, unsigned version, bool keep_alive, bool is_head);
// The secret in the console's cookie; empty: there is none.
std::string session_in(std::string_view cookie_header);
// The head of an answer in pieces.
boost::beast::http::response<boost::beast::http::empty_body> make_piecewise_head(
    const response& out);
// What to say to bytes that are no request; nullopt: nothing, nobody listens any more.
std::optional<response> answer_to_error(const boost::system::error_code& error,
                                        const http_limits& limits);
response too_large(std::size_t body_bytes_max);
response no_room();

template <class Stream>
class http_conversation {
 public:
  http_conversation(Stream& stream, http_services& services, http_peer peer)
      : stream_{stream},
        services_{services},
        peer_{std::move(peer)},
        buffer_{services.limits.header_bytes_max + (64u << 10)} {}

  // Until the other side is done, or has done something wrong.
  boost::asio::awaitable<void> run() {
    for (std::size_t n = 0; n < services_.limits.requests_per_connection_max; ++n) {
      const bool is_last = n + 1 == services_.limits.requests_per_connection_max;
      const bool goes_on = co_await one_request(is_last);
      if (!goes_on) break;
    }
  }

 private:
  using parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  static constexpr auto no_throw() { return boost::asio::as_tuple(boost::asio::use_awaitable); }
  void expire_after(std::chrono::seconds limit) {
    boost::beast::get_lowest_layer(stream_).expires_after(limit);
  }

  boost::asio::awaitable<bool> one_request(bool is_last) {
    parser in;
    in.header_limit(static_cast<std::uint32_t>(services_.limits.header_bytes_max));
    in.body_limit(boost::none);
    expire_after(services_.limits.request_timeout);
    const auto [error, bytes] =
        co_await boost::beast::http::async_read_header(stream_, buffer_, in, no_throw());
    if (error) {
      auto said = answer_to_error(error, services_.limits);
      if (said) co_await refuse(std::move(*said), 11, false);
      co_return false;
    }
    const unsigned version = in.get().version();
    const bool is_head = in.get().method() == boost::beast::http::verb::head;
    auto r = read_head(in.get(), peer_);
    if (!r) {
      co_await refuse(problem(400, "the request target is not a path"), version, is_head);
      co_return false;
    }
    r->has_body = !in.is_done();
    admission let{.body_bytes_max = services_.limits.body_bytes_max};
    if (services_.door) let = services_.door(*r);
    if (!let.refusal && in.content_length().value_or(0) > let.body_bytes_max)
      let.refusal = too_large(let.body_bytes_max);
    const bool keep = in.get().keep_alive() && !is_last;
    if (let.refusal && r->has_body) {
      co_await refuse(std::move(*let.refusal), version, is_head);
      co_return false;
    }
    if (let.refusal) {
      const bool sent = co_await send(std::move(*let.refusal), version, keep, is_head);
      co_return sent&& keep;
    }
    // A body of unknown length may become as long as it is allowed to.
    const auto announced = r->has_body ? in.content_length().value_or(let.body_bytes_max) : 0;
    const body_place place{services_, announced};
    if (!place.is_taken()) {
      co_await refuse(no_room(), version, is_head);
      co_return false;
    }
    auto wrong = co_await read_body(in, let.body_bytes_max);
    if (wrong) {
      co_await refuse(std::move(*wrong), version, is_head);
      co_return false;
    }
    r->body = std::move(in.get().body());
    boost::beast::get_lowest_layer(stream_).expires_never();
    auto out = co_await answer_of(services_, std::move(*r));
    const bool sent = co_await send(std::move(out), version, keep, is_head);
    co_return sent&& keep;
  }

  // nullopt: it is all there.
  boost::asio::awaitable<std::optional<response>> read_body(parser& in, std::size_t bytes_max) {
    in.body_limit(bytes_max);
    const auto until = std::chrono::steady_clock::now() + services_.limits.body_timeout;
    const auto expect = in.get()[boost::beast::http::field::expect];
    if (!in.is_done() && buffer_.size() == 0 && boost::beast::iequals(expect, "100-continue")) {
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      const auto bytes = boost::asio::buffer(go_on.data(), go_on.size());
      expire_after(services_.limits.request_timeout);
      const auto [error, n] = co_await boost::asio::async_write(stream_, bytes, no_throw());
      if (error) co_return problem(400, "the connection broke");
    }
    while (!in.is_done()) {
      if (std::chrono::steady_clock::now() > until)
        co_return problem(408, "the request body came too slowly");
      expire_after(services_.limits.body_pause_max);
      const auto [error, n] =
          co_await boost::beast::http::async_read_some(stream_, buffer_, in, no_throw());
      if (error == boost::beast::http::error::body_limit) co_return too_large(bytes_max);
      if (error == boost::beast::error::timeout)
        co_return problem(408, "the request body came too slowly");
      if (error) co_return problem(400, "the request body cannot be read");
    }
    co_return std::nullopt;
  }

  // The connection ends with the answer.
  boost::asio::awaitable<bool> send_pieces(response out) {
    namespace http = boost::beast::http;
    auto head = make_piecewise_head(out);
    http::response_serializer<http::empty_body> serializer{head};
    constexpr std::chrono::seconds piece_timeout{20};
    expire_after(piece_timeout);
    const auto [error, n] = co_await http::async_write_header(stream_, serializer, no_throw());
    bool goes_on = !error;
    while (goes_on && !services_.is_stopping) {
      boost::beast::get_lowest_layer(stream_).expires_never();
      const std::string piece = co_await out.next_piece();
      if (piece.empty()) break;
      const auto chunk = http::make_chunk(boost::asio::buffer(piece));
      expire_after(piece_timeout);
      const auto [broke, bytes] = co_await boost::asio::async_write(stream_, chunk, no_throw());
      goes_on = !broke;
    }
    if (!goes_on) co_return false;
    expire_after(piece_timeout);
    const auto end = http::make_chunk_last();
    const auto [broke, bytes] = co_await boost::asio::async_write(stream_, end, no_throw());
    co_return !broke;
  }

  boost::asio::awaitable<bool> send(response out, unsigned version, bool keep, bool is_head) {
    if (out.next_piece && version >= 11 && !is_head) {
      co_await send_pieces(std::move(out));
      co_return false;
    }
    auto reply = make_reply(std::move(out), version, keep, is_head);
    expire_after(services_.limits.answer_timeout);
    const auto [error, n] = co_await boost::beast::http::async_write(stream_, reply, no_throw());
    co_return !error;
  }

  // The answer to a request that was not read to its end. What still comes is read past for a
  // moment: a connection closed with bytes unread is reset, and the answer lost with it.
  boost::asio::awaitable<void> refuse(response out, unsigned version, bool is_head) {
    const bool sent = co_await send(std::move(out), version, false, is_head);
    if (!sent) co_return;
    boost::system::error_code ignored;
    auto& socket = boost::beast::get_lowest_layer(stream_).socket();
    socket.shutdown(boost::asio::socket_base::shutdown_send, ignored);
    constexpr std::size_t read_past_max = 4u << 20;
    expire_after(std::chrono::seconds{2});
    std::vector<char> waste(16u << 10);
    const auto place = boost::asio::buffer(waste);
    for (std::size_t past = 0; past < read_past_max;) {
      auto& lowest = boost::beast::get_lowest_layer(stream_);
      const auto [error, n] = co_await lowest.async_read_some(place, no_throw());
      if (error) break;
      past += n;
    }
  }

  Stream& stream_;
  http_services& services_;
  http_peer peer_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace consentry::app::admin
