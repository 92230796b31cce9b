#include "smtp/server/session.h"

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "smtp/server/body_collector.h"

namespace consentry::smtp::server {

using boost::asio::awaitable;

namespace {

std::string new_session_id() {
  const auto bytes = random_bytes(10);
  return base32(bytes);
}

}  // namespace

session::session(std::unique_ptr<byte_stream> stream, std::string remote_ip,
                 std::uint16_t remote_port, std::shared_ptr<const session_settings> settings,
                 session_services& services)
    : settings_{std::move(settings)},
      services_{services},
      channel_{std::move(stream), settings_->timeouts.write},
      started_{clock::now()},
      transaction_started_{started_} {
  info_.role = settings_->role;
  info_.id = new_session_id();
  info_.remote_ip = std::move(remote_ip);
  info_.remote_port = remote_port;
}

session::~session() = default;

awaitable<void> session::run() {
  if (co_await open()) co_await converse();
  reset_transaction();  // the peer may take its time to close: no memory waits for it
  (void)co_await channel_.flush();
  co_await channel_.stream().close();
  log::debug("smtp/server", "session_closed",
             {{"session", info_.id}, {"remote_ip", info_.remote_ip}, {"messages", messages_}});
}

// The handshake of implicit TLS, clients that speak too early, the banner.
awaitable<bool> session::open() {
  auto& stream = channel_.stream();
  if (settings_->implicit_tls) {
    const auto handshake = co_await stream.start_tls(settings_->timeouts.handshake);
    if (!handshake) {
      log::info("smtp/server", "tls_failed",
                {{"session", info_.id}, {"cause", describe(handshake.error())}});
      co_return false;
    }
  }
  info_.tls = stream.tls();
  if (info_.role == listener_role::inbound) {
    // RFC 5321 section 3.1: a client waits for the greeting. What does not is a robot, or a request
    // smuggled to us.
    bool spoke = stream.available() > 0;
    if (!spoke && settings_->timeouts.greet_pause.count() > 0) {
      const auto early = co_await channel_.fill(settings_->timeouts.greet_pause);
      if (!early && early.error().kind != failure_kind::timeout) co_return false;
      spoke = early.has_value();
    }
    if (spoke) {
      say(reply{554, {5, 5, 0}, "you spoke before the greeting", true});
      co_return false;
    }
  }
  say(reply{220, {}, settings_->host_name + " ESMTP Consentry"});
  co_return true;
}

awaitable<void> session::converse() {
  while (!closing_) {
    const command_line line = channel_.next_line();
    if (line.what != command_line::kind::need_more) {
      co_await handle(line);
      continue;
    }
    if (draining_ && !in_transaction()) {
      say(reply{421, {4, 3, 2}, settings_->host_name + " is shutting down", true});
      break;
    }
    idle_ = !in_transaction();
    const bool more = co_await more_input(settings_->timeouts.command);
    idle_ = false;
    if (!more) break;
  }
}

byte_stream::duration session::at_most(byte_stream::duration timeout) const {
  const auto& t = settings_->timeouts;
  const auto end = in_transaction() ? transaction_started_ + t.transaction : started_ + t.session;
  const auto left = std::chrono::ceil<byte_stream::duration>(end - clock::now());
  return std::clamp(left, byte_stream::duration{1}, timeout);
}

awaitable<bool> session::more_input(byte_stream::duration timeout) {
  const auto filled = co_await channel_.fill(at_most(timeout));
  if (filled) co_return true;
  closing_ = true;
  const auto kind = filled.error().kind;
  if (kind == failure_kind::timeout)
    say(reply{421, {4, 4, 2}, settings_->host_name + " timeout", true});
  if (kind == failure_kind::cancelled)
    say(reply{421, {4, 3, 2}, settings_->host_name + " is shutting down", true});
  co_return false;
}

awaitable<void> session::handle(command_line line) {
  std::string bug;
  switch (line.what) {
    case command_line::kind::need_more:
      co_return;
    case command_line::kind::bare_newline:
      if (++bare_newlines_ >= settings_->limits.bare_newlines)
        say(reply{421, {4, 7, 0}, "too many lines without CRLF", true});
      else
        say(reply{500, {5, 5, 2}, "a command ends with CRLF, not with a bare LF"});
      co_return;
    case command_line::kind::bad_octet:
      say_bad(reply{500, {5, 5, 2}, "a command holds no bare CR and no NUL"});
      co_return;
    case command_line::kind::too_long:
      say_bad(reply{500, {5, 5, 2}, "line too long"});
      co_return;
    case command_line::kind::endless:
      say(reply{421, {4, 7, 0}, "line too long", true});
      co_return;
    case command_line::kind::line:
      break;
  }
  const command c = parse_command(line.text);
  if (line.text.size() + 2 > line_bytes_max(c.what)) {
    say_bad(reply{500, {5, 5, 2}, "line too long"});
    co_return;
  }
  try {
    co_await dispatch(c);
  } catch (const boost::system::system_error& e) {
    if (e.code() == boost::asio::error::operation_aborted) throw;  // the task is cancelled
    bug = e.what();
  } catch (const std::exception& e) {
    bug = e.what();
  }
  if (bug.empty()) co_return;
  // Nobody knows how far the command came: going on could run content as commands.
  log::error("smtp/server", "command_failed", {{"session", info_.id}, {"cause", bug}});
  say(reply{421, {4, 3, 0}, "internal error, closing", true});
}

awaitable<void> session::dispatch(command c) {
  if (draining_ && !in_transaction() && c.what != verb::quit) {
    say(reply{421, {4, 3, 2}, settings_->host_name + " is shutting down", true});
    co_return;
  }
  switch (c.what) {
    case verb::ehlo:
    case verb::helo:
      hello(c);
      break;
    case verb::mail:
      co_await mail(c);
      break;
    case verb::rcpt:
      co_await rcpt(c);
      break;
    case verb::data:
      co_await data(c);
      break;
    case verb::bdat:
      co_await bdat(c);
      break;
    case verb::auth:
      co_await auth(c);
      break;
    case verb::starttls:
      co_await starttls(c);
      break;
    case verb::http:
      say(reply{554, {5, 5, 1}, "this is SMTP", true});
      break;
    case verb::unknown:
      say_bad(reply{500, {5, 5, 1}, "unknown command"});
      break;
    default:
      small_command(c);
      break;
  }
}

void session::say(const reply& r) {
  channel_.say(r);
  if (r.close || r.code == 421) closing_ = true;
}

// For mistakes of form and order: who makes too many is no mail client.
void session::say_bad(const reply& r) {
  if (++bad_commands_ >= settings_->limits.bad_commands)
    say(reply{421, {4, 7, 0}, "too many errors", true});
  else
    say(r);
}

void session::reset_transaction() {
  mail_given_ = false;
  rcpt_refused_ = false;
  envelope_ = {};
  body_.reset();
}

void session::drain() {
  draining_ = true;
  if (idle_) channel_.stream().interrupt();
}

}  // namespace consentry::smtp::server
