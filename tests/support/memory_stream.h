// A connection made of two strings: a session on one end, a test on the other. One thread, no
// clock.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "smtp/server/byte_stream.h"

namespace consentry::tests {

// The test's end. The stream may die first, or the test.
class memory_peer {
 public:
  explicit memory_peer(boost::asio::any_io_executor executor);

  // Call once. offers_tls: start_tls() works; it enciphers nothing.
  std::unique_ptr<smtp::server::byte_stream> make_stream(bool offers_tls);

  void send(std::string_view bytes);
  void close();     // the session reads the end
  void time_out();  // the session's present or next read fails with a timeout
  std::string& received() {
    return pipe_->to_peer;
  }  // what the session has written; the test erases what it read

  // Nothing more will come before the session is given something.
  bool is_session_waiting() const;
  bool is_closed() const { return pipe_->session_closed; }  // by the session
  std::size_t writes() const { return pipe_->writes; }      // by the session
  void set_read_max(std::size_t octets) {
    pipe_->read_max = octets;
  }  // splits what the session reads

 private:
  friend class memory_stream;
  struct pipe {
    explicit pipe(boost::asio::any_io_executor e) : wake{std::move(e)} {}
    boost::asio::steady_timer wake;
    std::string to_session, to_peer;
    std::size_t taken = 0;  // of to_session
    std::size_t read_max = 1 << 20;
    std::size_t writes = 0;
    bool offers_tls = false, tls_on = false;
    bool peer_closed = false, session_closed = false;
    bool waiting = false, timed_out = false, interrupted = false;
  };
  std::shared_ptr<pipe> pipe_;
};

}  // namespace consentry::tests
