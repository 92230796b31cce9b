// EHLO, MAIL, RCPT and the commands that carry no mail.
#include <boost/asio/ip/address.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "smtp/server/body_collector.h"
#include "smtp/server/envelope_arguments.h"
#include "smtp/server/session.h"

namespace consentry::smtp::server {

using boost::asio::awaitable;

namespace {

bool is_loopback(const std::string& ip) {
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(ip, ec);
  return !ec && address.is_loopback();
}

reply out_of_order(std::string text) {
  return {503, {5, 5, 1}, std::move(text)};
}

}  // namespace

bool session::auth_offered() const {
  if (info_.role != listener_role::submission) return false;
  return !info_.tls.empty() || (settings_->auth_without_tls && is_loopback(info_.remote_ip));
}

void session::hello(command c) {
  auto name = parse_hello(c.argument);
  if (!name) return say_bad(name.error());
  if (++idle_commands_ > settings_->limits.idle_commands)
    return say(reply{421, {4, 7, 0}, "too many commands without mail", true});
  reset_transaction();  // RFC 5321 section 4.1.4
  greeted_ = true;
  info_.esmtp = c.what == verb::ehlo;
  info_.ehlo_name = std::move(*name);
  reply r{250, {}, settings_->host_name};
  if (info_.esmtp) {
    r.text += "\nPIPELINING\nSIZE " + std::to_string(settings_->limits.message_bytes);
    r.text += "\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING\nDSN";
    if (offers_requiretls()) r.text += "\nREQUIRETLS";
    if (channel_.stream().can_start_tls()) r.text += "\nSTARTTLS";
    if (auth_offered()) r.text += "\nAUTH PLAIN LOGIN SCRAM-SHA-256";
  }
  say(r);
}

// RFC 8689 section 2: under TLS only; and only for mail that goes on.
bool session::offers_requiretls() const {
  return !info_.tls.empty() && info_.role == listener_role::submission;
}

awaitable<void> session::mail(command c) {
  if (!greeted_) {
    say_bad(out_of_order("say EHLO first"));
    co_return;
  }
  if (info_.role == listener_role::submission && !info_.who) {
    say_bad(reply{530, {5, 7, 0}, "authentication required"});
    co_return;
  }
  if (in_transaction()) {
    say_bad(out_of_order("a transaction is under way already"));
    co_return;
  }
  if (messages_ >= settings_->limits.messages ||
      at_most(settings_->timeouts.command).count() <= 1) {
    say(reply{421, {4, 7, 0}, "enough for one session, connect again", true});
    co_return;
  }
  auto parsed = parse_mail(c.argument, info_.esmtp);
  if (!parsed) {
    say_bad(parsed.error());
    co_return;
  }
  if (parsed->require_tls && !offers_requiretls()) {
    say_bad(reply{555, {5, 5, 4}, "REQUIRETLS is not offered here"});
    co_return;
  }
  if (parsed->declared_size.value_or(0) > settings_->limits.message_bytes) {
    say(reply{552, {5, 3, 4}, "message is larger than the limit"});
    co_return;
  }
  const reply r = co_await services_.gate.mail(info_, *parsed);
  if (r.is_positive()) {
    envelope_ = std::move(*parsed);
    mail_given_ = true;
    transaction_started_ = clock::now();
  }
  say(r);
}

awaitable<void> session::rcpt(command c) {
  if (!in_transaction() || body_) {
    say_bad(out_of_order(body_ ? "the message has begun" : "MAIL comes first"));
    co_return;
  }
  // RFC 5321 section 4.5.3.1.10: the ones taken stay.
  if (envelope_.recipients.size() >= settings_->limits.recipients) {
    say(reply{452, {4, 5, 3}, "too many recipients"});
    co_return;
  }
  auto parsed = parse_rcpt(c.argument, info_.esmtp, envelope_.smtputf8, settings_->host_name);
  if (!parsed) {
    rcpt_refused_ = true;
    say_bad(parsed.error());
    co_return;
  }
  idle_commands_ = 0;
  const reply r = co_await services_.gate.recipient(info_, envelope_, *parsed);
  if (r.is_positive())
    envelope_.recipients.push_back(std::move(*parsed));
  else
    rcpt_refused_ = true;
  say(r);
}

void session::small_command(command c) {
  const bool takes_argument =
      c.what == verb::noop || c.what == verb::vrfy || c.what == verb::expn || c.what == verb::help;
  if (!takes_argument && !c.argument.empty())
    return say_bad(reply{501, {5, 5, 4}, "no argument here"});
  if (c.what == verb::quit)
    return say(reply{221, {2, 0, 0}, settings_->host_name + " closing", true});
  if (++idle_commands_ > settings_->limits.idle_commands)
    return say(reply{421, {4, 7, 0}, "too many commands without mail", true});
  switch (c.what) {
    case verb::rset:
      reset_transaction();
      return say(reply{250, {2, 0, 0}, "OK"});
    case verb::noop:
      return say(reply{250, {2, 0, 0}, "OK"});
    case verb::help:
      return say(reply{214, {2, 0, 0}, "EHLO, AUTH, MAIL, RCPT, DATA, BDAT, RSET, NOOP, QUIT"});
    case verb::vrfy:  // RFC 5321 section 3.5.3: whether an address exists is told to nobody
      if (c.argument.empty()) return say_bad(reply{501, {5, 5, 4}, "VRFY takes an address"});
      return say(reply{252, {2, 5, 2}, "cannot verify, but will take mail and try"});
    default:
      return say_bad(reply{502, {5, 5, 1}, "not implemented"});  // EXPN
  }
}

}  // namespace consentry::smtp::server
