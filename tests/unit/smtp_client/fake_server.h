// A mail server that does what a test tells it, on a loopback port of the system's choice and a
// thread of its own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "smtp/client/transaction.h"

namespace consentry::smtp::client {

// The server's side of one connection. Everything blocks, for ten seconds at most; what does not
// come ends the script.
class peer {
 public:
  virtual ~peer() = default;
  virtual void say(const std::string& text) = 0;  // CRLF is added
  virtual void raw(const std::string& bytes) = 0;
  virtual std::string hear() = 0;       // a line, without CRLF
  virtual std::string hear_data() = 0;  // up to and with the final dot
  virtual std::string hear_bytes(std::size_t n) = 0;
  std::string hear_chunk();         // BDAT n LAST and its n octets, which it gives
  virtual void start_tls() = 0;     // the server's handshake
  virtual void reset() = 0;         // RST
  virtual void wait_for_end() = 0;  // until the client closes

  // A line that begins with start, then an answer.
  void answer(const std::string& start, const std::string& text);
  void greet(
      const std::string& extensions = "");  // 220, EHLO, 250 with extensions ("PIPELINING DSN")
  void take_message();                      // one at a time: MAIL, RCPT, DATA, message, all taken
};

using script = std::function<void(peer&)>;

class fake_server {
 public:
  // The first connection gets the first script, and so on; then no one listens.
  explicit fake_server(std::vector<script> scripts);
  ~fake_server();

  target where() const;
  // What clients said, a line an element; messages as one element. Call when the scripts have ended
  // (waits for them).
  const std::vector<std::string>& heard();
  bool has_heard(const std::string& start);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

// Short enough to see a deadline pass, long enough not to for anything else.
connection_settings plain_settings();
connection_settings tls_settings(tls_mode mode);

outgoing message_to(std::vector<std::string> recipients,
                    std::string_view content = "Subject: x\r\n\r\nHello\r\n");

// Runs a coroutine to its end on an io_context of its own.
template <class T>
T run(boost::asio::awaitable<T> task) {
  boost::asio::io_context io;
  auto done = boost::asio::co_spawn(io, std::move(task), boost::asio::use_future);
  io.run();
  return done.get();
}

struct delivery {
  open_result opened;  // made is null after a failed open, and when the connection has been closed
  std::vector<transaction_result> results;
  bool was_open_at_end = false;
};

// Opens, sends every message while the connection is open, says QUIT.
boost::asio::awaitable<delivery> deliver(target to, connection_settings settings,
                                         std::vector<outgoing> messages);

}  // namespace consentry::smtp::client
