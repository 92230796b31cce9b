#include "smtp/client/connection.h"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

#include "smtp/client/connection_impl.h"

namespace consentry::smtp::client {

namespace asio = boost::asio;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

failure closed() {
  return {failure_kind::io, false, failure_scope::session, "connection lost",
          "the connection is closed"};
}

}  // namespace

void connection::impl::start_clock(const std::shared_ptr<wire>& line,
                                   std::chrono::milliseconds deadline) {
  line->until = std::chrono::steady_clock::now() + deadline;
  if (line->rings_at > line->until) set_clock(line);
}

void connection::impl::set_clock(const std::shared_ptr<wire>& line) {
  line->rings_at = line->until;
  line->clock.expires_at(line->until);
  line->clock.async_wait([line](const boost::system::error_code& e) {
    if (e) return;
    line->rings_at = wire::never;
    if (line->until == wire::never) return;
    if (line->until > std::chrono::steady_clock::now()) return set_clock(line);
    line->timed_out = true;
    boost::system::error_code ignored;
    line->socket.close(ignored);
  });
}

void connection::impl::stop_clock(wire& line) {
  line.until = wire::never;
}

failure connection::impl::ended(const boost::system::error_code& e, std::string_view what) {
  const bool timed_out = line->timed_out;
  const bool was_open = line->socket.is_open();
  close();
  const std::string doing{what};
  if (settings.tap)
    settings.tap->noted("ended " + doing + (timed_out ? ": timeout" : ": " + e.message()));
  if (timed_out)
    return {failure_kind::timeout, false, failure_scope::session, "timeout", "timeout " + doing};
  if (e == asio::error::operation_aborted && was_open)
    return {failure_kind::cancelled, false, failure_scope::session, "cancelled",
            "cancelled " + doing};
  const bool by_peer = e == asio::error::eof || e == asio::ssl::error::stream_truncated;
  return {
      failure_kind::io, false, failure_scope::session, "connection lost",
      (by_peer ? std::string{"connection closed by the mail host "} : e.message() + ' ') + doing};
}

// A cancellation that came while nothing was waited for is not told to the next operation, which
// would wait in vain.
asio::awaitable<bool> connection::impl::is_cancelled() {
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() != asio::cancellation_type::none;
}

asio::awaitable<result<void>> connection::impl::write(std::string_view bytes,
                                                      std::chrono::milliseconds deadline) {
  const std::vector<std::string_view> one{bytes};
  co_return co_await write(one, deadline);
}

asio::awaitable<result<void>> connection::impl::write(const std::vector<std::string_view>& pieces,
                                                      std::chrono::milliseconds deadline) {
  const auto held = line;
  if (!held->socket.is_open()) co_return closed();
  if (co_await is_cancelled()) co_return ended(asio::error::operation_aborted, "before writing");
  if (settings.tap)
    for (const auto p : pieces) settings.tap->sent(p);
  start_clock(held, deadline);
  boost::system::error_code e;
  if (secure) {
    joined.clear();
    for (const auto p : pieces) joined += p;
    const auto buffer = asio::buffer(joined);
    auto [error, n] = co_await asio::async_write(*secure, buffer, as_result);
    e = error;
  } else {
    std::vector<asio::const_buffer> buffers;
    buffers.reserve(pieces.size());
    for (const auto p : pieces) buffers.emplace_back(p.data(), p.size());
    auto [error, n] = co_await asio::async_write(held->socket, buffers, as_result);
    e = error;
  }
  stop_clock(*held);
  // A server that refuses in the middle of the data says so and closes: its words are still to be
  // read.
  const bool is_cut_off = e == asio::error::broken_pipe || e == asio::error::connection_reset;
  if (is_cut_off && !held->timed_out && held->socket.is_open())
    co_return failure{failure_kind::io, false, failure_scope::session, "connection lost",
                      e.message() + " while writing"};
  if (e || held->timed_out) co_return ended(e, "while writing");
  co_return result<void>{};
}

connection::rest connection::impl::unread() const noexcept {
  if (replies.has_rest()) return rest::words;
  char c = 0;
  const auto n = ::recv(line->socket.native_handle(), &c, 1, MSG_PEEK | MSG_DONTWAIT);
  if (n == 0) return rest::end;
  if (n < 0) return errno == EAGAIN || errno == EINTR ? rest::none : rest::end;
  // A TLS server sends tickets when it likes.
  return secure ? rest::none : rest::words;
}

asio::awaitable<result<reply>> connection::impl::read_reply(std::chrono::milliseconds deadline) {
  const auto held = line;
  const auto until = std::chrono::steady_clock::now() + deadline;
  for (;;) {
    if (auto r = replies.next()) {
      if (settings.tap && *r) settings.tap->received(**r);
      if (!*r || (*r)->close) close();
      co_return std::move(*r);
    }
    if (!held->socket.is_open()) co_return closed();
    if (co_await is_cancelled())
      co_return ended(asio::error::operation_aborted, "while waiting for a reply");
    // The deadline is of the whole reply: a server may not hold us by one byte a minute.
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    start_clock(held, std::max(left, std::chrono::milliseconds{0}));
    const auto buffer = asio::buffer(input);
    boost::system::error_code e;
    std::size_t count = 0;
    if (secure) {
      auto [error, n] = co_await secure->async_read_some(buffer, as_result);
      e = error;
      count = n;
    } else {
      auto [error, n] = co_await held->socket.async_read_some(buffer, as_result);
      e = error;
      count = n;
    }
    stop_clock(*held);
    if (e || held->timed_out) co_return ended(e, "while waiting for a reply");
    replies.feed({input.data(), count});
  }
}

asio::awaitable<result<reply>> connection::impl::command(std::string text,
                                                         std::chrono::milliseconds deadline) {
  text += "\r\n";
  auto written = co_await write(text, deadline);
  if (!written && !line->socket.is_open()) co_return written.error();
  co_return co_await read_reply(deadline);
}

void connection::impl::close() noexcept {
  boost::system::error_code ignored;
  line->socket.close(ignored);
  line->clock.cancel();
}

connection::connection(std::unique_ptr<impl> i) : impl_{std::move(i)} {}

connection::~connection() {
  impl::stop_clock(*impl_->line);
  impl_->close();
}

asio::awaitable<void> connection::quit() {
  if (!is_open()) co_return;
  const auto wait = impl_->settings.wait.quit;
  // The answer is waited for shortly, since closing with bytes unread would reset the connection
  // under the server.
  auto ignored = co_await impl_->command("QUIT", wait);
  impl_->close();
}

bool connection::is_open() const noexcept {
  return impl_->line->socket.is_open();
}
const capabilities& connection::offers() const noexcept {
  return impl_->offers;
}
const target& connection::peer() const noexcept {
  return impl_->to;
}
const std::string& connection::tls() const noexcept {
  return impl_->tls;
}
bool connection::is_verified() const noexcept {
  const auto& i = *impl_;
  return !i.tls.empty() && i.settings.check.how != peer_check::by::nothing &&
         i.verdict.fault == tls_fault::none;
}
const peer_verdict& connection::verdict() const noexcept {
  return impl_->verdict;
}
unsigned connection::message_count() const noexcept {
  return impl_->messages;
}
const timeouts& connection::wait() const noexcept {
  return impl_->settings.wait;
}
connection::rest connection::unread() const noexcept {
  return is_open() ? impl_->unread() : rest::end;
}
void connection::set_tap(std::shared_ptr<dialog_tap> tap) noexcept {
  impl_->settings.tap = std::move(tap);
}
void connection::count_message() noexcept {
  ++impl_->messages;
}
void connection::needs_rset(bool yes) noexcept {
  impl_->rset_needed = yes;
}
bool connection::needs_rset() const noexcept {
  return impl_->rset_needed;
}
void connection::close() noexcept {
  impl_->close();
}

asio::awaitable<result<void>> connection::write(std::string_view bytes,
                                                std::chrono::milliseconds deadline) {
  return impl_->write(bytes, deadline);
}

asio::awaitable<result<void>> connection::write(const std::vector<std::string_view>& pieces,
                                                std::chrono::milliseconds deadline) {
  return impl_->write(pieces, deadline);
}

asio::awaitable<result<reply>> connection::read_reply(std::chrono::milliseconds deadline) {
  return impl_->read_reply(deadline);
}

}  // namespace consentry::smtp::client
