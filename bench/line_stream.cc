#include "bench/line_stream.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

namespace consentry::bench {
namespace {

namespace asio = boost::asio;

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t buffer_bytes_max = 128 << 20;

}  // namespace

asio::awaitable<void> line_stream::start_tls(asio::ssl::context& tls,
                                             asio::ssl::stream_base::handshake_type role) {
  co_await flush();
  buffer_.clear();
  begin_ = 0;
  tls_.emplace(socket_, tls);
  co_await tls_->async_handshake(role, asio::use_awaitable);
}

asio::awaitable<std::string_view> line_stream::read_until(std::string_view end_mark) {
  std::size_t searched = begin_;
  for (;;) {
    const std::size_t at = buffer_.find(end_mark, searched);
    if (at != std::string::npos) {
      const std::string_view found{buffer_.data() + begin_, at - begin_};
      begin_ = at + end_mark.size();
      co_return found;
    }
    const std::size_t have = buffer_.size() - begin_;
    co_await fill();
    searched = have >= end_mark.size() ? have - end_mark.size() + 1 : 0;
  }
}

asio::awaitable<void> line_stream::fill() {
  if (begin_ > 0) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  co_await flush();
  const std::size_t have = buffer_.size();
  if (have > buffer_bytes_max)
    throw boost::system::system_error(asio::error::message_size, "a line or message without end");
  buffer_.resize(have + read_bytes);
  const auto room = asio::buffer(buffer_.data() + have, read_bytes);
  const std::size_t got = tls_ ? co_await tls_->async_read_some(room, asio::use_awaitable)
                               : co_await socket_.async_read_some(room, asio::use_awaitable);
  buffer_.resize(have + got);
}

asio::awaitable<std::string_view> line_stream::read_exactly(std::size_t n) {
  while (buffer_.size() - begin_ < n) co_await fill();
  const std::string_view found{buffer_.data() + begin_, n};
  begin_ += n;
  co_return found;
}

asio::awaitable<std::string_view> line_stream::read_line() {
  return read_until("\r\n");
}

asio::awaitable<std::string_view> line_stream::read_reply() {
  for (;;) {
    const std::string_view line = co_await read_line();
    if (line.size() < 4 || line[3] != '-') co_return line;
  }
}

asio::awaitable<std::string> line_stream::read_whole_reply() {
  std::string all;
  for (;;) {
    const std::string_view line = co_await read_line();
    all.append(line).append("\n");
    if (line.size() < 4 || line[3] != '-') co_return all;
  }
}

asio::awaitable<void> line_stream::write(std::string_view bytes) {
  const auto buffer = asio::buffer(bytes.data(), bytes.size());
  if (tls_)
    co_await asio::async_write(*tls_, buffer, asio::use_awaitable);
  else
    co_await asio::async_write(socket_, buffer, asio::use_awaitable);
}

asio::awaitable<void> line_stream::flush() {
  if (queued_.empty()) co_return;
  const std::string out = std::exchange(queued_, {});
  co_await write(out);
}

}  // namespace consentry::bench
