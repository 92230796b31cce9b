// A server that fails in each state of a transaction.
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <memory>

#include "tests/unit/smtp_client/fake_server.h"

namespace consentry::smtp::client {
namespace {

enum class point { mail, rcpt, data, message, final_reply };
constexpr point points[] = {point::mail, point::rcpt, point::data, point::message,
                            point::final_reply};

// Goes on as it should up to a point, then does something else.
void up_to(peer& p, point where, const script& then) {
  p.hear();  // MAIL
  if (where == point::mail) return then(p);
  p.say("250 ok");
  p.hear();  // RCPT
  if (where == point::rcpt) return then(p);
  p.say("250 ok");
  p.hear();  // DATA
  if (where == point::data) return then(p);
  p.say("354 go on");
  if (where == point::message) {
    p.hear();  // its first line
    return then(p);
  }
  p.hear_data();
  then(p);
}

transaction_result result_of(const char* extensions, point where, const script& then,
                             connection_settings s) {
  fake_server server{{[&](peer& p) {
    p.greet(extensions);
    up_to(p, where, then);
  }}};
  auto d = run(deliver(server.where(), std::move(s), {message_to({"a@example.hu"})}));
  CHECK_FALSE(d.was_open_at_end);
  return d.results.at(0);
}

}  // namespace

TEST_CASE("421 in every state is the session's, and closes it") {
  for (const char* extensions : {"", "PIPELINING"})
    for (point where : points) {
      if (where == point::message) continue;  // below: the server speaks while we write
      INFO(extensions << static_cast<int>(where));
      const auto r = result_of(
          extensions, where,
          [](peer& p) {
            p.say("421 4.3.2 shutting down");
            p.wait_for_end();
          },
          plain_settings());
      CHECK(r.outcomes[0].kind == outcome_kind::deferred);
      CHECK(r.outcomes[0].scope == outcome_scope::session);
      CHECK(r.outcomes[0].last_reply.code == 421);
      CHECK_FALSE(r.may_have_been_delivered);
    }
}

TEST_CASE(
    "a connection reset or closed in every state defers; after the dot it may have been "
    "delivered") {
  const script faults[] = {[](peer& p) { p.reset(); }, [](peer&) {}};
  for (const char* extensions : {"", "PIPELINING"})
    for (const auto& fault : faults)
      for (point where : points) {
        INFO(extensions << static_cast<int>(where));
        const auto r = result_of(extensions, where, fault, plain_settings());
        CHECK(r.end == transaction_end::broken);
        CHECK(r.outcomes[0].kind == outcome_kind::deferred);
        CHECK(r.outcomes[0].scope == outcome_scope::session);
        CHECK_FALSE(r.outcomes[0].cause.empty());
        // A short message goes out in one block with its dot, so that a reset there leaves it open.
        CHECK(r.may_have_been_delivered ==
              (where == point::message || where == point::final_reply));
      }
}

TEST_CASE("silence in every state runs into the deadline of that state") {
  for (point where : points) {
    if (where == point::message) continue;
    INFO(static_cast<int>(where));
    auto s = plain_settings();
    const std::chrono::milliseconds soon{30};
    if (where == point::mail) s.wait.mail = soon;
    if (where == point::rcpt) s.wait.recipient = soon;
    if (where == point::data) s.wait.data = soon;
    if (where == point::final_reply) s.wait.final_dot = soon;
    const auto r = result_of("", where, [](peer& p) { p.wait_for_end(); }, s);
    CHECK(r.outcomes[0].kind == outcome_kind::deferred);
    CHECK(r.outcomes[0].cause.find("timeout") != std::string::npos);
    CHECK(r.may_have_been_delivered == (where == point::final_reply));
  }
}

TEST_CASE("garbage and replies out of place in every state break the connection") {
  for (const char* garbage : {"what?", "999 x", "250-a\r\n550 b", "354 not now"})
    for (point where : points) {
      if (where == point::message || (where == point::data && *garbage == '3')) continue;
      INFO(garbage << static_cast<int>(where));
      const auto r = result_of(
          "", where,
          [&](peer& p) {
            p.say(garbage);
            p.wait_for_end();
          },
          plain_settings());
      CHECK(r.end == transaction_end::broken);
      CHECK(r.outcomes[0].kind == outcome_kind::deferred);
      CHECK(r.may_have_been_delivered == (where == point::final_reply));
    }
}

TEST_CASE("a server that does not take the data is given up after the deadline of a block") {
  const std::string body(64 << 20, 'x');  // more than the system's buffers
  std::promise<void> given_up;
  fake_server server{{[&](peer& p) {
    p.greet();
    up_to(p, point::data, [&](peer& q) {
      q.say("354 go on");
      given_up.get_future().wait();
    });
  }}};
  auto s = plain_settings();
  s.wait.data_block = std::chrono::milliseconds{50};
  const auto d = run(deliver(server.where(), s, {message_to({"a@example.hu"}, body)}));
  given_up.set_value();
  const auto& r = d.results.at(0);
  CHECK(r.outcomes.at(0).kind == outcome_kind::deferred);
  CHECK(r.outcomes.at(0).cause.find("timeout") != std::string::npos);
  CHECK_FALSE(r.may_have_been_delivered);
}

TEST_CASE("a refusal in the middle of the data is heard") {
  std::string body;
  while (body.size() < (32u << 20)) body += std::string(70, 'x') + "\r\n";
  fake_server server{{[](peer& p) {
    p.greet();
    up_to(p, point::message, [](peer& q) { q.say("552 5.3.4 too big for us"); });
  }}};
  auto s = plain_settings();
  const auto d = run(deliver(server.where(), s, {message_to({"a@example.hu"}, body)}));
  const auto& o = d.results.at(0).outcomes.at(0);
  CHECK(to_string(o.last_reply) == "552 5.3.4 too big for us");
  CHECK(o.kind == outcome_kind::bounced);
  CHECK_FALSE(d.results[0].may_have_been_delivered);
}

TEST_CASE("recipients answered before the break keep their answers") {
  for (const char* extensions : {"", "PIPELINING"}) {
    fake_server server{{[&](peer& p) {
      p.greet(extensions);
      p.answer("MAIL", "250 ok");
      p.answer("RCPT TO:<a@", "550 5.1.1 unknown");
      p.answer("RCPT TO:<b@", "250 ok");
      p.hear();
    }}};
    const auto d = run(deliver(server.where(), plain_settings(),
                               {message_to({"a@example.hu", "b@example.hu", "c@example.hu"})}));
    const auto& r = d.results.at(0);
    CHECK(r.outcomes[0].kind == outcome_kind::bounced);
    CHECK(r.outcomes[1].kind == outcome_kind::deferred);
    CHECK(r.outcomes[2].kind == outcome_kind::deferred);
    CHECK(r.outcomes[2].scope == outcome_scope::session);
  }
}

TEST_CASE("a connection closed between messages is stale: the message is untouched") {
  const script endings[] = {
      [](peer&) {},
      [](peer& p) { p.reset(); },
      [](peer& p) { p.say("421 4.4.2 idle too long"); },
      [](peer& p) { p.hear(); },
      [](peer& p) { p.answer("MAIL", "421 4.7.0 enough for one connection"); },
  };
  for (const char* extensions : {"", "PIPELINING"})
    for (const auto& ending : endings) {
      fake_server server{{[&](peer& p) {
        p.greet(extensions);
        p.take_message();
        ending(p);
      }}};
      const auto d = run(deliver(server.where(), plain_settings(),
                                 {message_to({"a@example.hu"}), message_to({"b@example.hu"})}));
      REQUIRE(d.results.size() == 2);
      CHECK(d.results[0].outcomes[0].kind == outcome_kind::delivered);
      CHECK(d.results[1].end == transaction_end::stale);
      CHECK(d.results[1].outcomes[0].kind == outcome_kind::deferred);
      CHECK(d.results[1].outcomes[0].scope == outcome_scope::session);
      CHECK_FALSE(d.results[1].may_have_been_delivered);
    }
}

TEST_CASE("421 that says why we may not go on is an answer, also on a connection used before") {
  fake_server server{{[](peer& p) {
    p.greet("");
    p.take_message();
    p.answer("MAIL", "421 4.7.28 an unusual rate of mail");
  }}};
  const auto d = run(deliver(server.where(), plain_settings(),
                             {message_to({"a@example.hu"}), message_to({"b@example.hu"})}));
  REQUIRE(d.results.size() == 2);
  CHECK(d.results[1].end != transaction_end::stale);
  CHECK(d.results[1].outcomes[0].kind == outcome_kind::deferred);
  CHECK(d.results[1].outcomes[0].scope == outcome_scope::session);
  CHECK(d.results[1].outcomes[0].last_reply.enhanced == enhanced_code{4, 7, 28});
}

namespace {

boost::asio::awaitable<void> send_into(target to, std::shared_ptr<transaction_result> out,
                                       std::shared_ptr<bool> was_open) {
  auto opened = co_await connection::open(std::move(to), plain_settings());
  auto m = message_to({"a@example.hu"});
  std::function<bool()> always;
  *out = co_await send(*opened.made, std::move(m), std::move(always));
  *was_open = opened.made->is_open();
}

}  // namespace

TEST_CASE("cancelling closes the connection and still tells what is known") {
  boost::asio::io_context io;
  boost::asio::cancellation_signal stop;
  fake_server server{{[&](peer& p) {
    p.greet();
    up_to(p, point::final_reply, [&](peer& q) {
      boost::asio::post(io, [&] { stop.emit(boost::asio::cancellation_type::terminal); });
      q.wait_for_end();
    });
  }}};
  const auto out = std::make_shared<transaction_result>();
  const auto was_open = std::make_shared<bool>(true);
  auto done = boost::asio::co_spawn(
      io, send_into(server.where(), out, was_open),
      boost::asio::bind_cancellation_slot(stop.slot(), boost::asio::use_future));
  io.run();
  done.get();
  CHECK_FALSE(*was_open);
  CHECK(out->may_have_been_delivered);
  CHECK(out->end == transaction_end::broken);
  CHECK(out->outcomes.at(0).kind == outcome_kind::deferred);
  CHECK(out->outcomes.at(0).cause.find("cancelled") != std::string::npos);
}

}  // namespace consentry::smtp::client
