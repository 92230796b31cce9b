// One SMTP conversation (RFC 5321, and RFC 1870, 2034, 2920, 3030, 3207, 3461, 4954, 6152, 6409,
// 6531).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "smtp/server/auth_guard.h"
#include "smtp/server/byte_stream.h"
#include "smtp/server/channel.h"
#include "smtp/server/command.h"
#include "smtp/server/gatekeeper.h"
#include "smtp/server/memory_budget.h"
#include "smtp/server/session_settings.h"

namespace consentry {
class worker_pool;
}

namespace consentry::smtp::server {

// What all sessions share; outlives them.
struct session_services {
  gatekeeper& gate;
  auth_guard& guard;
  memory_budget& memory;
  worker_pool* workers = nullptr;  // hashes passwords; nullptr: the I/O thread does
  std::string auth_secret;  // makes stable false salts; at least 16 bytes, kept over restarts
};

class body_collector;

// Lives on one I/O thread. The gatekeeper's answers are waited for without a deadline of ours: it
// has its own.
class session {
 public:
  session(std::unique_ptr<byte_stream> stream, std::string remote_ip, std::uint16_t remote_port,
          std::shared_ptr<const session_settings> settings, session_services& services);
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  // Until one side ends it. Leaves with an exception only when the task is cancelled.
  boost::asio::awaitable<void> run();

  // From now on: a waiting session between transactions is told 421 4.3.2 at once, any other at its
  // next command. On the session's thread.
  void drain();

  const session_info& info() const noexcept { return info_; }

 private:
  using clock = std::chrono::steady_clock;

  // session.cc: the loop
  boost::asio::awaitable<bool> open();
  boost::asio::awaitable<void> converse();
  boost::asio::awaitable<bool> more_input(byte_stream::duration timeout);
  boost::asio::awaitable<void> handle(command_line line);
  boost::asio::awaitable<void> dispatch(command c);
  void say(const reply& r);
  void say_bad(const reply& r);
  void note_idle_command();
  byte_stream::duration at_most(byte_stream::duration timeout) const;
  bool in_transaction() const noexcept { return mail_given_; }
  void reset_transaction();

  // session_envelope.cc: EHLO, MAIL, RCPT and the small ones
  void hello(command c);
  boost::asio::awaitable<void> mail(command c);
  boost::asio::awaitable<void> rcpt(command c);
  void small_command(command c);
  bool auth_offered() const;
  bool offers_requiretls() const;

  // session_body.cc: DATA and BDAT
  boost::asio::awaitable<void> data(command c);
  boost::asio::awaitable<void> bdat(command c);
  boost::asio::awaitable<bool> read_dotted();
  boost::asio::awaitable<bool> read_chunk(std::uint64_t octets);
  boost::asio::awaitable<void> hand_over();
  std::optional<reply> out_of_sequence() const;
  std::optional<reply> bad_form() const;

  // session_security.cc: STARTTLS and AUTH
  boost::asio::awaitable<void> starttls(command c);
  boost::asio::awaitable<void> auth(command c);

  session_info info_;
  const std::shared_ptr<const session_settings> settings_;
  session_services& services_;
  channel channel_;

  bool greeted_ = false;  // EHLO or HELO was taken
  bool closing_ = false;  // after the replies that wait
  bool draining_ = false;
  bool idle_ = false;  // waits for a command outside a transaction

  bool mail_given_ = false;
  bool rcpt_refused_ = false;
  envelope envelope_;
  std::unique_ptr<body_collector> body_;  // inside DATA; between commands: BDAT has begun

  unsigned bad_commands_ = 0;
  unsigned idle_commands_ = 0;
  unsigned bare_newlines_ = 0;
  unsigned auth_failures_ = 0;
  unsigned messages_ = 0;
  clock::time_point started_;
  clock::time_point transaction_started_;
};

}  // namespace consentry::smtp::server
