#include "smtp/server/authentication.h"

#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "base/text.h"
#include "base/worker_pool.h"
#include "smtp/server/sasl.h"

namespace consentry::smtp::server {
namespace {

using boost::asio::awaitable;

reply backend_down() {
  return {454, {4, 7, 0}, "sign-in is not possible now, try again later"};
}
reply wrong() {
  return {535, {5, 7, 8}, "user name or password is wrong"};
}
reply malformed() {
  return {501, {5, 5, 2}, "malformed AUTH message"};
}

// The next message of the client, decoded, or the outcome that ends the exchange.
struct client_message {
  std::string text;
  std::optional<auth_outcome> ends;
};

awaitable<client_message> read_message(channel& line, byte_stream::duration timeout) {
  client_message out;
  for (;;) {
    const auto next = line.next_line();
    switch (next.what) {
      case command_line::kind::need_more: {
        const auto filled = co_await line.fill(timeout);
        if (filled) continue;
        out.ends = auth_outcome{};
        if (filled.error().kind == failure_kind::timeout)
          out.ends->answer = reply{421, {4, 4, 2}, "timeout", true};
        else
          out.ends->lost = true;
        break;
      }
      case command_line::kind::too_long:
        out.ends = auth_outcome{{500, {5, 5, 6}, "AUTH message too long"}};
        break;
      case command_line::kind::endless:
        out.ends = auth_outcome{{421, {4, 7, 0}, "line too long", true}};
        break;
      case command_line::kind::bare_newline:
      case command_line::kind::bad_octet:
        out.ends = auth_outcome{{500, {5, 5, 2}, "lines end with CRLF and hold no CR, LF or NUL"}};
        break;
      case command_line::kind::line:
        if (next.text == "*") {
          out.ends = auth_outcome{{501, {5, 7, 0}, "AUTH cancelled"}};
        } else if (auto decoded = parse_base64(next.text)) {
          out.text = std::move(*decoded);
        } else {
          out.ends = auth_outcome{malformed()};
        }
        break;
    }
    co_return out;
  }
}

// The answer to need_keys. An unknown user plays on with false keys, so that names cannot be
// probed.
struct keys_answer {
  sasl_step step;
  bool is_known = false;
  bool is_down = false;
};

awaitable<keys_answer> ask_for_keys(session_services& services,
                                    std::shared_ptr<sasl_exchange> exchange) {
  keys_answer out;
  auto found = co_await services.gate.find_keys(exchange->user());
  if (!found) {
    log::error("smtp/server", "credentials_unreadable", {{"cause", describe(found.error())}});
    out.is_down = true;
    co_return out;
  }
  out.is_known = found->has_value();
  scram_keys keys =
      out.is_known ? std::move(**found) : make_false_keys(exchange->user(), services.auth_secret);
  if (exchange->is_slow() && services.workers != nullptr) {
    auto job = [exchange, keys] { return exchange->use_keys(keys); };
    out.step = co_await services.workers->run(std::move(job));
  } else {
    out.step = exchange->use_keys(keys);
  }
  co_return out;
}

awaitable<auth_outcome> sign_in(session_services& services, const session_info& session,
                                std::string user) {
  auth_outcome out;
  auto who = co_await services.gate.sign_in(session, std::move(user));
  if (who) {
    out.answer = reply{235, {2, 7, 0}, "signed in"};
    out.who = std::move(*who);
  } else if (who.error().kind == failure_kind::refused) {
    out.answer = wrong();
    out.counts_as_failure = true;
  } else {
    log::error("smtp/server", "sign_in_failed", {{"cause", describe(who.error())}});
    out.answer = backend_down();
  }
  co_return out;
}

// What the command line itself gives the exchange (RFC 4954 section 4: "=" is an empty initial
// response).
sasl_step first_step(sasl_exchange& exchange, const std::string& argument) {
  const auto space = argument.find(' ');
  if (space == std::string::npos) return exchange.start();
  const auto initial = trim(std::string_view{argument}.substr(space));
  if (initial == "=") return exchange.respond({});
  const auto decoded = parse_base64(initial);
  return decoded ? exchange.respond(*decoded) : sasl_step{};
}

}  // namespace

awaitable<auth_outcome> authenticate(channel& line, session_services& services,
                                     const session_info& session, std::string argument,
                                     byte_stream::duration timeout) {
  const std::shared_ptr<sasl_exchange> exchange =
      sasl_exchange::make(std::string_view{argument}.substr(0, argument.find(' ')));
  auth_outcome out;
  if (!exchange) {
    out.answer = reply{504, {5, 5, 4}, "unknown authentication mechanism"};
    co_return out;
  }
  bool is_known = false;
  sasl_step step = first_step(*exchange, argument);
  for (;;) {
    switch (step.what) {
      case sasl_step::kind::challenge: {
        line.say(reply{334, {}, base64(step.data)});
        auto message = co_await read_message(line, timeout);
        if (message.ends) co_return std::move(*message.ends);
        step = exchange->respond(message.text);
        break;
      }
      case sasl_step::kind::need_keys: {
        auto answer = co_await ask_for_keys(services, exchange);
        if (answer.is_down) {
          out.answer = backend_down();
          co_return out;
        }
        is_known = answer.is_known;
        step = std::move(answer.step);
        break;
      }
      case sasl_step::kind::proven:
        if (is_known) co_return co_await sign_in(services, session, exchange->user());
        [[fallthrough]];
      case sasl_step::kind::wrong:
        out.answer = wrong();
        out.counts_as_failure = true;
        co_return out;
      case sasl_step::kind::malformed:
        out.answer = malformed();
        co_return out;
    }
  }
}

}  // namespace consentry::smtp::server
