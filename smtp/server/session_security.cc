// STARTTLS (RFC 3207) and the frame around AUTH (RFC 4954).
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "smtp/server/authentication.h"
#include "smtp/server/body_collector.h"
#include "smtp/server/session.h"

namespace consentry::smtp::server {

using boost::asio::awaitable;

awaitable<void> session::starttls(command c) {
  auto& stream = channel_.stream();
  if (!c.argument.empty() || !stream.can_start_tls()) {
    say_bad(!c.argument.empty()  ? reply{501, {5, 5, 4}, "no argument here"}
            : !info_.tls.empty() ? reply{503, {5, 5, 1}, "TLS is on already"}
                                 : reply{502, {5, 5, 1}, "TLS is not available"});
    co_return;
  }
  // Whatever stands behind STARTTLS in clear text could come from somebody in between, and would be
  // run as if it had come under TLS (CVE-2011-0411).
  if (!channel_.buffered().empty() || stream.available() > 0) {
    log::warn("smtp/server", "starttls_injection",
              {{"session", info_.id}, {"remote_ip", info_.remote_ip}});
    say(reply{554, {5, 5, 1}, "nothing may follow STARTTLS before the handshake", true});
    co_return;
  }
  say(reply{220, {2, 0, 0}, "go ahead"});
  auto ready = co_await channel_.flush();
  if (ready) ready = co_await stream.start_tls(settings_->timeouts.handshake);
  if (!ready) {
    log::info("smtp/server", "tls_failed",
              {{"session", info_.id}, {"cause", describe(ready.error())}});
    closing_ = true;
    co_return;
  }
  // RFC 3207 section 4.2: as if the client had just connected.
  reset_transaction();
  greeted_ = false;
  info_.esmtp = false;
  info_.ehlo_name.clear();
  info_.who.reset();
  info_.tls = stream.tls();
}

awaitable<void> session::auth(command c) {
  std::optional<reply> refusal;
  if (info_.role != listener_role::submission)
    refusal = reply{502, {5, 5, 1}, "no authentication here"};
  else if (!greeted_ || !info_.esmtp)
    refusal = reply{503, {5, 5, 1}, "say EHLO first"};
  else if (info_.who)
    refusal = reply{503, {5, 5, 1}, "already authenticated"};
  else if (in_transaction())
    refusal = reply{503, {5, 5, 1}, "no AUTH inside a transaction"};
  else if (!auth_offered())
    refusal = reply{538, {5, 7, 11}, "encryption required: STARTTLS first"};
  else if (c.argument.empty())
    refusal = reply{501, {5, 5, 4}, "AUTH takes a mechanism"};
  if (refusal) {
    say_bad(*refusal);
    co_return;
  }
  if (services_.guard.locked_for(info_.remote_ip).count() > 0) {
    say(reply{421, {4, 7, 0}, "too many failed sign-ins from your address, wait", true});
    co_return;
  }
  auto argument = std::string{c.argument};
  auto outcome = co_await authenticate(channel_, services_, info_, std::move(argument),
                                       at_most(settings_->timeouts.command));
  if (outcome.lost) {
    closing_ = true;
    co_return;
  }
  if (outcome.who) {
    info_.who = std::move(outcome.who);
    say(outcome.answer);
    co_return;
  }
  if (!outcome.counts_as_failure) {
    if (outcome.answer.code == 454)
      say(outcome.answer);
    else
      say_bad(outcome.answer);
    co_return;
  }
  const auto delay = services_.guard.failed(info_.remote_ip);
  log::info("smtp/server", "sign_in_refused",
            {{"session", info_.id}, {"remote_ip", info_.remote_ip}});
  if (delay.count() > 0) {
    boost::asio::steady_timer pause{co_await boost::asio::this_coro::executor, delay};
    co_await pause.async_wait(boost::asio::use_awaitable);
  }
  outcome.answer.close = ++auth_failures_ >= settings_->limits.auth_failures;
  say(outcome.answer);
}

}  // namespace consentry::smtp::server
