#include "smtp/server/channel.h"

#include <boost/asio/use_awaitable.hpp>

namespace consentry::smtp::server {

channel::channel(std::unique_ptr<byte_stream> stream, byte_stream::duration write_timeout)
    : stream_{std::move(stream)}, write_timeout_{write_timeout} {}

boost::asio::awaitable<result<void>> channel::flush() {
  if (out_.empty()) co_return result<void>{};
  auto written = co_await stream_->write(out_, write_timeout_);
  out_.clear();
  co_return written;
}

boost::asio::awaitable<result<void>> channel::fill(byte_stream::duration timeout) {
  if (!out_.empty()) {
    auto written = co_await flush();
    if (!written) co_return written;
  }
  auto octets = co_await stream_->read_some(lines_.space(), timeout);
  if (!octets) co_return octets.error();
  if (*octets == 0)
    co_return failure{failure_kind::io, false, failure_scope::session, "connection closed", ""};
  lines_.arrived(*octets);
  co_return result<void>{};
}

}  // namespace consentry::smtp::server
