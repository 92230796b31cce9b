#include "smtp/client/transaction.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "base/text.h"
#include "smtp/client/dot_stuffer.h"
#include "smtp/client/mail_commands.h"

namespace consentry::smtp::client {

namespace asio = boost::asio;

namespace {

constexpr std::size_t block_bytes = 128 << 10;

// One run of send(): the outcomes and who still waits for one.
class exchange {
 public:
  exchange(connection& over, const outgoing& message)
      : c_{over},
        m_{message},
        was_used_{over.message_count() > 0},
        states_(message.envelope.recipients.size(), state::open) {
    outcome start;
    start.scope = outcome_scope::session;
    start.remote_host = c_.peer().host_name;
    start.remote_ip = c_.peer().address.to_string();
    start.tls = c_.tls();
    result_.outcomes.assign(states_.size(), start);
  }

  asio::awaitable<void> run(const std::function<bool()>& may_start);
  transaction_result take() { return std::move(result_); }

 private:
  enum class state : std::uint8_t { open, asked, accepted, settled };

  bool is_carried();
  asio::awaitable<bool> reset();
  asio::awaitable<bool> envelope_pipelined(std::string mail, std::vector<std::string> recipients);
  asio::awaitable<bool> envelope_stepwise(std::string mail, std::vector<std::string> recipients);
  asio::awaitable<bool> take_mail_reply();
  asio::awaitable<bool> take_recipient_reply(std::size_t i);
  asio::awaitable<void> take_data_reply();
  asio::awaitable<void> content();
  asio::awaitable<void> empty_content();

  bool any(state s) const { return std::find(states_.begin(), states_.end(), s) != states_.end(); }
  void settle(std::size_t i, const reply& r, outcome_scope scope);
  void settle_rest(const reply& r, outcome_scope scope);
  void bounce(std::size_t i, enhanced_code status, std::string cause);
  void bounce_all(enhanced_code status, const std::string& cause);
  void end(transaction_end how, const std::string& cause);
  void broken(const failure& f) { end(transaction_end::broken, f.private_cause); }
  void out_of_step(const reply& r);

  connection& c_;
  const outgoing& m_;
  bool was_used_;
  bool mail_taken_ = false;
  std::vector<state> states_;
  transaction_result result_;
};

outcome_kind kind_of(const reply& r) {
  return r.is_permanent() ? outcome_kind::bounced : outcome_kind::deferred;
}

void exchange::settle(std::size_t i, const reply& r, outcome_scope scope) {
  if (states_[i] == state::settled) return;
  outcome& o = result_.outcomes[i];
  o.kind = r.code / 100 == 2 ? outcome_kind::delivered : kind_of(r);
  o.scope = r.close ? outcome_scope::session : scope;
  o.last_reply = r;
  states_[i] = state::settled;
}

void exchange::settle_rest(const reply& r, outcome_scope scope) {
  for (std::size_t i = 0; i < states_.size(); ++i) settle(i, r, scope);
}

// Refused by us: the next hop cannot carry it (RFC 6531, 6152, 1870).
void exchange::bounce(std::size_t i, enhanced_code status, std::string cause) {
  if (states_[i] == state::settled) return;
  outcome& o = result_.outcomes[i];
  o.kind = outcome_kind::bounced;
  o.scope = outcome_scope::recipient;
  o.last_reply.enhanced = status;
  o.cause = std::move(cause);
  states_[i] = state::settled;
}

void exchange::bounce_all(enhanced_code status, const std::string& cause) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    bounce(i, status, cause);
    result_.outcomes[i].scope = outcome_scope::message;
  }
}

// What has no outcome yet is deferred; what has one keeps it.
void exchange::end(transaction_end how, const std::string& cause) {
  result_.end = how;
  for (std::size_t i = 0; i < states_.size(); ++i)
    if (states_[i] != state::settled) result_.outcomes[i].cause = cause;
}

void exchange::out_of_step(const reply& r) {
  c_.close();
  end(transaction_end::broken, "unexpected reply: " + printable(to_string(r)));
}

// False: nothing of it can go over this connection.
bool exchange::is_carried() {
  const auto& e = m_.envelope;
  const auto& offers = c_.offers();
  const auto bytes = content_bytes(m_.content);
  if (!has_only_crlf(m_.content)) {
    bounce_all({5, 6, 0}, "the message holds a bare CR or LF");
  } else if (offers.size_max && bytes > *offers.size_max) {
    bounce_all({5, 3, 4}, "the message has " + std::to_string(bytes) +
                              " octets, the mail host takes " + std::to_string(*offers.size_max));
  } else if (e.body == body_type::eight_bit && !offers.eight_bit_mime) {
    bounce_all({5, 6, 3}, "the mail host takes no 8-bit messages");
  } else if (!offers.smtputf8 && (e.smtputf8 || !wire_address(e.reverse_path, false))) {
    bounce_all({5, 6, 7}, "the mail host takes no internationalized messages");
  }
  for (std::size_t i = 0; i < states_.size(); ++i)
    if (!wire_address(e.recipients[i].address, offers.smtputf8))
      bounce(i, {5, 6, 7}, "the mail host takes no internationalized addresses");
  return any(state::open);
}

// Leaves an earlier transaction behind. False: the connection is of no use, and nothing was begun.
asio::awaitable<bool> exchange::reset() {
  if (c_.needs_rset()) {
    const std::string command = "RSET\r\n";
    auto written = co_await c_.write(command, c_.wait().mail);
    if (written) {
      auto r = co_await c_.read_reply(c_.wait().mail);
      if (!r || r->code / 100 != 2) c_.close();
    }
    c_.needs_rset(false);
  }
  if (c_.is_open()) co_return true;
  end(was_used_ ? transaction_end::stale : transaction_end::broken,
      "connection closed between messages");
  co_return false;
}

// False: the exchange is over.
asio::awaitable<bool> exchange::take_mail_reply() {
  auto r = co_await c_.read_reply(c_.wait().mail);
  const bool has_gone = r ? r->close : r.error().kind == failure_kind::io;
  // A reason that is meant for us, Gmail's 4.7.28 say: another connection at once would not help.
  const bool is_about_us = r && r->enhanced.subject == 7 && r->enhanced.detail != 0;
  if (was_used_ && has_gone && !is_about_us) {
    // Some servers close after so many messages, in silence or with 421: another connection, not
    // another day.
    end(transaction_end::stale, "connection closed between messages");
    co_return false;
  }
  if (!r) {
    broken(r.error());
    co_return false;
  }
  if (r->code / 100 == 3) {
    out_of_step(*r);
    co_return false;
  }
  mail_taken_ = r->code / 100 == 2;
  if (!mail_taken_) settle_rest(*r, outcome_scope::message);
  co_return c_.is_open();
}

asio::awaitable<bool> exchange::take_recipient_reply(std::size_t i) {
  auto r = co_await c_.read_reply(c_.wait().recipient);
  if (!r) {
    broken(r.error());
    co_return false;
  }
  if (r->code / 100 == 3) {
    out_of_step(*r);
    co_return false;
  }
  if (r->code / 100 == 2) {
    if (states_[i] == state::asked) states_[i] = state::accepted;
  } else {
    settle(i, *r, outcome_scope::recipient);
  }
  if (r->close) settle_rest(*r, outcome_scope::session);
  co_return c_.is_open();
}

asio::awaitable<void> exchange::take_data_reply() {
  auto r = co_await c_.read_reply(c_.wait().data);
  if (!r) {
    broken(r.error());
    co_return;
  }
  if (r->code == 354) {
    if (any(state::accepted)) {
      co_await content();
    } else if (mail_taken_) {
      co_await empty_content();
    } else {
      out_of_step(*r);
    }
    co_return;
  }
  if (r->code < 400) {
    out_of_step(*r);
    co_return;
  }
  settle_rest(*r, outcome_scope::message);
  c_.needs_rset(true);
}

// RFC 2920 section 3.1: DATA went out with the recipients, all were refused, and yet the server
// wants data.
asio::awaitable<void> exchange::empty_content() {
  const std::string dot = ".\r\n";
  auto written = co_await c_.write(dot, c_.wait().data_block);
  if (written) auto ignored = co_await c_.read_reply(c_.wait().final_dot);
}

asio::awaitable<void> exchange::content() {
  dot_stuffer wire{m_.content};
  std::string block;
  block.reserve(block_bytes + 8);
  while (wire.next(block, block_bytes)) {
    auto written = co_await c_.write(block, c_.wait().data_block);
    if (written) continue;
    if (c_.last_words()) {
      settle_rest(*c_.last_words(), outcome_scope::message);
      co_return;
    }
    // A block that failed may have arrived whole.
    result_.may_have_been_delivered = wire.is_done();
    broken(written.error());
    co_return;
  }
  auto r = co_await c_.read_reply(c_.wait().final_dot);
  if (!r) {
    result_.may_have_been_delivered = true;
    const auto f = r.error();
    end(transaction_end::broken,
        "no answer to the end of the message, it may have been delivered: " + f.private_cause);
    co_return;
  }
  if (r->code / 100 == 3) {
    result_.may_have_been_delivered = true;
    out_of_step(*r);
    co_return;
  }
  settle_rest(*r, outcome_scope::message);
}

asio::awaitable<bool> exchange::envelope_pipelined(std::string mail,
                                                   std::vector<std::string> recipients) {
  std::string all = std::move(mail);
  for (const auto& r : recipients) all += r;
  all += "DATA\r\n";
  auto written = co_await c_.write(all, c_.wait().mail);
  // A failed write is told by the read that follows, which knows a stale connection.
  if (!co_await take_mail_reply()) co_return false;
  for (std::size_t i = 0; i < states_.size(); ++i)
    if (!recipients[i].empty() && !co_await take_recipient_reply(i)) co_return false;
  co_return true;
}

asio::awaitable<bool> exchange::envelope_stepwise(std::string mail,
                                                  std::vector<std::string> recipients) {
  auto written = co_await c_.write(mail, c_.wait().mail);
  if (!co_await take_mail_reply() || !mail_taken_) co_return false;
  c_.needs_rset(true);
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (recipients[i].empty()) continue;
    written = co_await c_.write(recipients[i], c_.wait().recipient);
    if (!co_await take_recipient_reply(i)) co_return false;
  }
  if (!any(state::accepted)) co_return false;
  const std::string data = "DATA\r\n";
  written = co_await c_.write(data, c_.wait().data);
  c_.needs_rset(false);
  co_return true;
}

asio::awaitable<void> exchange::run(const std::function<bool()>& may_start) {
  if (!c_.is_open()) {
    end(was_used_ ? transaction_end::stale : transaction_end::broken,
        "connection closed between messages");
    co_return;
  }
  if (!is_carried()) co_return;
  if (!co_await reset()) co_return;

  auto mail = mail_command(m_.envelope, c_.offers(), content_bytes(m_.content));
  std::vector<std::string> recipients(states_.size());
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i] == state::settled) continue;
    recipients[i] = recipient_command(m_.envelope.recipients[i], c_.offers());
    states_[i] = state::asked;
  }
  const bool is_pipelined = c_.offers().pipelining;
  if (may_start && !may_start()) {
    end(transaction_end::gated, "held back before MAIL FROM");
    co_return;
  }
  c_.count_message();
  auto said = is_pipelined ? envelope_pipelined(std::move(mail), std::move(recipients))
                           : envelope_stepwise(std::move(mail), std::move(recipients));
  if (co_await std::move(said)) co_await take_data_reply();
}

}  // namespace

asio::awaitable<transaction_result> send(connection& over, outgoing message,
                                         std::function<bool()> may_start) {
  // Cancelled or not, what is known of each recipient must come back.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  exchange e{over, message};
  co_await e.run(may_start);
  co_await asio::this_coro::throw_if_cancelled(throws);
  co_return e.take();
}

}  // namespace consentry::smtp::client
