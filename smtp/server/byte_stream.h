// What a session talks over: a socket, with or without TLS, or two strings in a test.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace consentry::smtp::server {

// Belongs to one session; all calls on its I/O thread, one wait at a time. Every wait has a
// deadline: a call that passes it fails with failure_kind::timeout and leaves the stream usable, so
// that a last reply can be said.
class byte_stream {
 public:
  using duration = std::chrono::milliseconds;

  virtual ~byte_stream() = default;

  // At least one byte; 0 means that the peer has closed. cancelled: interrupt() was called.
  virtual boost::asio::awaitable<result<std::size_t>> read_some(std::span<char> into,
                                                                duration timeout) = 0;
  // All of it.
  virtual boost::asio::awaitable<result<void>> write(std::string_view bytes, duration timeout) = 0;

  // Bytes that a read would give without waiting.
  virtual std::size_t available() = 0;

  virtual bool can_start_tls() const = 0;  // a certificate is at hand and TLS is not on yet
  // The server's handshake. What the peer sent before it in clear text and is still unread fails
  // it.
  virtual boost::asio::awaitable<result<void>> start_tls(duration timeout) = 0;
  virtual std::string tls() const = 0;  // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty: clear text

  // Ends politely: close notify, then waits shortly for the peer's end, so that the last reply is
  // not lost to a reset.
  virtual boost::asio::awaitable<void> close() = 0;

  // The read in progress ends now with failure_kind::cancelled.
  virtual void interrupt() = 0;
};

}  // namespace consentry::smtp::server
