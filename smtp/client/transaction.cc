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
// A message up to this size goes out with its envelope where the server takes chunks: one round
// trip, at the price of these octets where it wants none of the recipients.
constexpr std::size_t at_once_bytes_max = 128 << 10;

// One run of send(): the outcomes and who still waits for one.
class exchange {
 public:
  exchange(connection& over, const outgoing& message, const std::function<bool()>& may_start)
      : c_{over},
        m_{message},
        may_start_{may_start},
        pieces_{message.content},
        was_used_{over.message_count() > 0},
        states_(message.envelope.recipients.size(), state::open) {
    result_.outcomes.assign(states_.size(), unanswered());
    // As dot_stuffer does it: both ways carry one message.
    if (!ends_line(pieces_)) pieces_.push_back("\r\n");
    content_bytes_ = content_bytes(pieces_);
  }

  asio::awaitable<void> run();
  transaction_result take() { return std::move(result_); }

 private:
  enum class state : std::uint8_t { open, asked, accepted, settled };

  bool is_carried();
  asio::awaitable<bool> reset();
  asio::awaitable<bool> is_in_step();
  asio::awaitable<void> speak();
  asio::awaitable<bool> envelope_pipelined();
  asio::awaitable<bool> envelope_stepwise();
  asio::awaitable<bool> take_mail_reply();
  asio::awaitable<bool> take_recipient_reply(std::size_t i);
  asio::awaitable<bool> take_envelope_replies();
  asio::awaitable<void> take_data_reply();
  asio::awaitable<bool> is_written(const std::vector<std::string_view>& block);
  asio::awaitable<void> dotted_content();
  asio::awaitable<void> empty_content();
  asio::awaitable<void> chunk();
  asio::awaitable<void> take_final_reply(bool is_whole);

  void name_recipients();
  bool is_chunked() const { return m_.uses_chunking && c_.offers().chunking; }
  bool goes_at_once() const {
    return is_chunked() && c_.offers().pipelining && content_bytes_ <= at_once_bytes_max;
  }
  std::string chunk_command() const {
    return "BDAT " + std::to_string(content_bytes_) + " LAST\r\n";
  }
  bool any(state s) const { return std::find(states_.begin(), states_.end(), s) != states_.end(); }
  outcome unanswered() const;
  void settle(std::size_t i, const reply& r, outcome_scope scope);
  void settle_rest(const reply& r, outcome_scope scope);
  void bounce(std::size_t i, enhanced_code status, std::string cause);
  void bounce_all(enhanced_code status, const std::string& cause);
  void end(transaction_end how, const std::string& cause);
  void broken(const failure& f) { end(transaction_end::broken, f.private_cause); }
  void out_of_step(const reply& r);
  bool is_gated(bool content_begun);

  connection& c_;
  const outgoing& m_;
  const std::function<bool()>& may_start_;
  std::vector<std::string_view> pieces_;  // the content, ended by CRLF
  std::size_t content_bytes_ = 0;         // of them
  bool was_used_;
  bool mail_taken_ = false;
  bool has_left_ = false;  // without an answer to MAIL
  std::string mail_;
  std::vector<std::string> recipients_;  // commands; empty: not asked
  std::vector<state> states_;
  transaction_result result_;
};

bool is_unknown_command(const reply& r) {
  return r.code == 500 || r.code == 502 || r.code == 504;
}

outcome_kind kind_of(const reply& r) {
  return r.is_permanent() ? outcome_kind::bounced : outcome_kind::deferred;
}

outcome exchange::unanswered() const {
  outcome o;
  o.scope = outcome_scope::session;
  o.remote_host = c_.peer().host_name;
  o.remote_ip = c_.peer().address.to_string();
  o.tls = c_.tls();
  return o;
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

// The gate has closed: resets. Amid the content a server can only be left (RFC 5321 4.1.1.4).
bool exchange::is_gated(bool content_begun) {
  if (!may_start_ || may_start_()) return false;
  if (content_begun)
    c_.close();
  else if (c_.is_open())
    c_.needs_rset(true);
  end(transaction_end::gated, "held back before the end of the message");
  return true;
}

// False: nothing of it can go over this connection.
bool exchange::is_carried() {
  const auto& e = m_.envelope;
  const auto& offers = c_.offers();
  const auto bytes = content_bytes_;
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
    } else {
      c_.close();
    }
    c_.needs_rset(false);
  }
  if (c_.is_open()) co_return true;
  end(was_used_ ? transaction_end::stale : transaction_end::broken,
      "connection closed between messages");
  co_return false;
}

// A server that has gone, or speaks without being spoken to, gets no message: its words would be
// taken for answers. False: the exchange is over.
asio::awaitable<bool> exchange::is_in_step() {
  const auto rest = c_.unread();
  if (rest == connection::rest::none) co_return true;
  if (rest == connection::rest::end) {
    c_.close();
    end(was_used_ ? transaction_end::stale : transaction_end::broken,
        "connection closed between messages");
    co_return false;
  }
  // Most often 421: idle for too long.
  if (co_await take_mail_reply() && c_.is_open()) {
    c_.close();
    for (auto& s : states_) s = state::open;
    for (auto& o : result_.outcomes) o = unanswered();
    end(was_used_ ? transaction_end::stale : transaction_end::broken,
        "the mail host spoke out of turn");
  }
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
    has_left_ = has_gone;
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
    // 552 after others were taken says "too many recipients" (RFC 5321 section 4.5.3.1.10).
    const bool is_too_many = r->code == 552 && !r->enhanced && any(state::accepted);
    settle(i, *r, outcome_scope::recipient);
    if (is_too_many) result_.outcomes[i].kind = outcome_kind::deferred;
  }
  if (r->close) settle_rest(*r, outcome_scope::session);
  co_return c_.is_open();
}

asio::awaitable<bool> exchange::take_envelope_replies() {
  if (!co_await take_mail_reply()) co_return false;
  for (std::size_t i = 0; i < states_.size(); ++i)
    if (!recipients_[i].empty() && !co_await take_recipient_reply(i)) co_return false;
  co_return true;
}

asio::awaitable<void> exchange::take_data_reply() {
  auto r = co_await c_.read_reply(c_.wait().data);
  if (!r) {
    broken(r.error());
    co_return;
  }
  if (r->code == 354) {
    // An answer to what has not been sent yet is none.
    if (c_.unread() == connection::rest::words) {
      out_of_step(*r);
    } else if (any(state::accepted)) {
      co_await dotted_content();
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

// False: the peer had enough of it or has gone, and the exchange is over.
asio::awaitable<bool> exchange::is_written(const std::vector<std::string_view>& block) {
  auto written = co_await c_.write(block, c_.wait().data_block);
  if (written) co_return true;
  if (c_.is_open()) {
    co_await take_final_reply(false);
  } else {
    broken(written.error());
  }
  co_return false;
}

asio::awaitable<void> exchange::dotted_content() {
  dot_stuffer wire{m_.content};
  std::vector<std::string_view> block;
  while (wire.next(block, block_bytes)) {
    if (is_gated(true)) co_return;
    if (!co_await is_written(block)) co_return;
  }
  co_await take_final_reply(true);
}

// One chunk holds all of it (RFC 3030 section 2), without stuffing and final dot.
asio::awaitable<void> exchange::chunk() {
  const auto command = chunk_command();
  std::vector<std::string_view> block{command};
  std::size_t bytes = 0;
  bool is_begun = false;
  for (auto piece : pieces_) {
    while (!piece.empty()) {
      const auto part = piece.substr(0, block_bytes - bytes);
      piece.remove_prefix(part.size());
      block.push_back(part);
      bytes += part.size();
      if (bytes < block_bytes) continue;
      if (is_gated(is_begun)) co_return;
      is_begun = true;
      if (!co_await is_written(block)) co_return;
      block.clear();
      bytes = 0;
    }
  }
  if (!block.empty() && is_gated(is_begun)) co_return;
  if (co_await is_written(block)) co_await take_final_reply(true);
}

// is_whole: all of the message was written; else the peer had enough of it and may say why.
asio::awaitable<void> exchange::take_final_reply(bool is_whole) {
  auto r = co_await c_.read_reply(is_whole ? c_.wait().final_dot : c_.wait().quit);
  if (!r) {
    result_.may_have_been_delivered = is_whole;
    const auto f = r.error();
    end(transaction_end::broken,
        is_whole
            ? "no answer to the end of the message, it may have been delivered: " + f.private_cause
            : f.private_cause);
    co_return;
  }
  if (r->code / 100 == 3 || (!is_whole && r->code < 400)) {
    result_.may_have_been_delivered = is_whole;
    out_of_step(*r);
    co_return;
  }
  if (is_chunked() && is_unknown_command(*r)) {
    // It takes the content for commands now.
    c_.close();
    result_.chunking_refused = true;
    end(transaction_end::broken, "CHUNKING is offered and not known: " + printable(to_string(*r)));
    co_return;
  }
  // Nobody was taken, yet the message was: nothing this server says can be believed.
  if (r->code / 100 == 2 && !any(state::accepted)) {
    c_.close();
    co_return;
  }
  settle_rest(*r, outcome_scope::message);
  if (!is_whole) {
    c_.close();
  } else if (is_chunked() && r->code >= 400) {
    // What is left of the transaction is the server's affair (RFC 3030 section 2).
    c_.needs_rset(true);
  }
}

asio::awaitable<bool> exchange::envelope_pipelined() {
  std::string head = std::move(mail_);
  for (const auto& r : recipients_) head += r;
  const bool at_once = goes_at_once();
  if (at_once) {
    head += chunk_command();
  } else if (!is_chunked()) {
    head += "DATA\r\n";
  }
  std::vector<std::string_view> all{head};
  if (at_once) all.insert(all.end(), pieces_.begin(), pieces_.end());
  auto written = co_await c_.write(all, std::max(c_.wait().mail, c_.wait().data_block));
  // A write that failed is told by the read that follows, which knows a stale connection.
  if (!co_await take_envelope_replies()) {
    // The peer has had it all and may have taken it, but for one that left without a word.
    const bool is_open = any(state::asked) || any(state::accepted);
    if (at_once && written && is_open && result_.end == transaction_end::broken)
      result_.may_have_been_delivered = mail_taken_ || !has_left_;
    co_return false;
  }
  if (at_once) {
    co_await take_final_reply(written.has_value());
    co_return false;
  }
  co_return true;
}

asio::awaitable<bool> exchange::envelope_stepwise() {
  auto written = co_await c_.write(mail_, c_.wait().mail);
  if (!co_await take_mail_reply() || !mail_taken_) co_return false;
  c_.needs_rset(true);
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (recipients_[i].empty()) continue;
    if (is_gated(false)) co_return false;
    written = co_await c_.write(recipients_[i], c_.wait().recipient);
    if (!co_await take_recipient_reply(i)) co_return false;
  }
  if (!any(state::accepted) || is_gated(false)) co_return false;
  c_.needs_rset(false);
  if (is_chunked()) co_return true;
  const std::string data = "DATA\r\n";
  written = co_await c_.write(data, c_.wait().data);
  co_return true;
}

// From MAIL FROM on.
asio::awaitable<void> exchange::speak() {
  auto envelope = c_.offers().pipelining ? envelope_pipelined() : envelope_stepwise();
  const bool goes_on = co_await std::move(envelope);
  if (!goes_on) co_return;
  if (!is_chunked()) {
    co_await take_data_reply();
  } else if (any(state::accepted)) {
    co_await chunk();
  } else {
    c_.needs_rset(true);
  }
}

void exchange::name_recipients() {
  recipients_.resize(states_.size());
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i] == state::settled) continue;
    recipients_[i] = recipient_command(m_.envelope.recipients[i], c_.offers());
    states_[i] = state::asked;
  }
}

asio::awaitable<void> exchange::run() {
  if (!c_.is_open()) {
    end(was_used_ ? transaction_end::stale : transaction_end::broken,
        "connection closed between messages");
    co_return;
  }
  if (!is_carried()) co_return;
  if (!co_await reset()) co_return;
  if (!co_await is_in_step()) co_return;

  mail_ = mail_command(m_.envelope, c_.offers(), content_bytes_);
  name_recipients();
  if (may_start_ && !may_start_()) {
    end(transaction_end::gated, "held back before MAIL FROM");
    co_return;
  }
  c_.count_message();
  co_await speak();
}

}  // namespace

asio::awaitable<transaction_result> send(connection& over, outgoing message,
                                         std::function<bool()> may_start) {
  // Cancelled or not, what is known of each recipient must come back.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  exchange e{over, message, may_start};
  co_await e.run();
  co_await asio::this_coro::throw_if_cancelled(throws);
  co_return e.take();
}

}  // namespace consentry::smtp::client
