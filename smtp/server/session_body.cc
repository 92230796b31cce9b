// DATA and BDAT.
#include <algorithm>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "smtp/server/body_collector.h"
#include "smtp/server/data_reader.h"
#include "smtp/server/received.h"
#include "smtp/server/session.h"

namespace consentry::smtp::server {

using boost::asio::awaitable;

// Why no content can come now.
std::optional<reply> session::out_of_sequence() const {
  if (!in_transaction()) return reply{503, {5, 5, 1}, "MAIL comes first"};
  if (!envelope_.recipients.empty()) return std::nullopt;
  if (rcpt_refused_) return reply{554, {5, 5, 1}, "no valid recipients"};
  return reply{503, {5, 5, 1}, "RCPT comes first"};
}

awaitable<void> session::data(command c) {
  auto refusal = out_of_sequence();
  if (!c.argument.empty()) refusal = reply{501, {5, 5, 4}, "no argument here"};
  if (body_) refusal = reply{503, {5, 5, 1}, "BDAT has begun: DATA cannot be mixed in"};
  if (refusal) {
    say_bad(*refusal);
    co_return;
  }
  body_ = std::make_unique<body_collector>(settings_->limits, services_.memory,
                                           envelope_.declared_size.value_or(0));
  say(reply{354, {}, "go ahead, end with CRLF.CRLF"});
  if (!co_await read_dotted()) co_return;
  co_await hand_over();
}

// Up to the true end, whatever is wrong with the content. false: the connection is lost.
awaitable<bool> session::read_dotted() {
  data_reader reader;
  for (;;) {
    const auto input = channel_.buffered();
    std::size_t used = 0;
    bool at_end = false;
    while (used < input.size() && !at_end) {
      const auto step = reader.next(input.substr(used));
      body_->add(step.content);
      used += step.consumed;
      at_end = step.at_end;
    }
    channel_.consume(used);
    if (at_end) co_return true;
    if (!co_await more_input(settings_->timeouts.data_block)) co_return false;
  }
}

awaitable<void> session::bdat(command c) {
  const auto chunk = parse_bdat(c.argument);
  if (!chunk) {
    // How much content follows is unknown; to go on would be to run it as commands.
    reply r = chunk.error();
    r.close = true;
    say(r);
    co_return;
  }
  const auto refusal = out_of_sequence();
  if (!refusal && !body_)
    body_ = std::make_unique<body_collector>(
        settings_->limits, services_.memory,
        std::max(envelope_.declared_size.value_or(0), chunk->octets));
  // RFC 3030 section 2: the octets of a refused chunk are still taken off the line.
  if (!co_await read_chunk(chunk->octets)) co_return;
  if (refusal) {
    say(*refusal);
    co_return;
  }
  if (chunk->last) {
    co_await hand_over();
  } else if (const auto bad = body_->refusal()) {
    say(*bad);
    reset_transaction();
  } else {
    say(reply{250, {2, 0, 0}, std::to_string(chunk->octets) + " octets received"});
  }
}

awaitable<bool> session::read_chunk(std::uint64_t octets) {
  while (octets > 0) {
    const auto input = channel_.buffered();
    if (input.empty()) {
      if (!co_await more_input(settings_->timeouts.data_block)) co_return false;
      continue;
    }
    const auto used = static_cast<std::size_t>(std::min<std::uint64_t>(octets, input.size()));
    if (body_) body_->add(input.substr(0, used));
    channel_.consume(used);
    octets -= used;
  }
  co_return true;
}

// What no gatekeeper has to see.
std::optional<reply> session::bad_form() const {
  if (const auto refusal = body_->refusal()) return refusal;
  if (received_count(body_->body()) >= settings_->limits.received_fields)
    return reply{554, {5, 4, 6}, "smtp.loop the message has passed too many hosts"};
  return std::nullopt;
}

// The message is complete: refuse it for its form, or ask the gatekeeper.
awaitable<void> session::hand_over() {
  body_->finish();
  if (const auto refusal = bad_form()) {
    log::info("smtp/server", "message_refused",
              {{"session", info_.id}, {"reply", to_string(*refusal)}});
    say(*refusal);
    reset_transaction();
    co_return;
  }
  ++messages_;
  auto complete = std::move(envelope_);
  auto content = body_->take_body();
  const reply r = co_await services_.gate.message(info_, std::move(complete), std::move(content));
  if (r.is_positive()) bad_commands_ = idle_commands_ = 0;
  say(r);
  reset_transaction();
}

}  // namespace consentry::smtp::server
