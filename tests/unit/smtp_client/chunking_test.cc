// BDAT (RFC 3030): one message, one chunk.
#include <catch2/catch.hpp>

#include "tests/unit/smtp_client/fake_server.h"

namespace consentry::smtp::client {
namespace {

delivery one_message(const script& s, const outgoing& m, int times = 1) {
  fake_server server{{s}};
  auto d = run(deliver(server.where(), plain_settings(), std::vector<outgoing>(times, m)));
  CHECK_FALSE(server.has_heard("server:"));
  return d;
}

const outcome& first(const delivery& d) {
  return d.results.at(0).outcomes.at(0);
}

}  // namespace

TEST_CASE("a chunk holds the message as it is, with its exact size") {
  for (const char* extensions : {"CHUNKING", "CHUNKING PIPELINING"}) {
    INFO(extensions);
    auto m = message_to({"a@example.hu"}, "Subject: x\r\n\r\n");
    m.content.push_back(".hello\r\n.\r\n");
    m.content.push_back("open end");
    std::string got;
    const auto d = one_message(
        [&](peer& p) {
          p.greet(extensions);
          p.answer("MAIL", "250 ok");
          p.answer("RCPT", "250 ok");
          got = p.hear_chunk();
          p.say("250 2.0.0 queued as 1");
          p.answer("QUIT", "221 bye");
        },
        m);
    CHECK(first(d).kind == outcome_kind::delivered);
    CHECK(first(d).last_reply.text == "queued as 1");
    CHECK(got == "Subject: x\r\n\r\n.hello\r\n.\r\nopen end\r\n");
    CHECK(d.was_open_at_end);
  }
}

TEST_CASE("with PIPELINING too all of a message is one write, before any answer") {
  std::string got;
  const auto d = one_message(
      [&](peer& p) {
        p.greet("PIPELINING CHUNKING");
        for (int i = 0; i < 2; ++i) {
          p.hear();
          p.hear();
          got = p.hear_chunk();
          p.raw("250 a\r\n250 b\r\n250 c\r\n");
        }
        p.answer("QUIT", "221 bye");
      },
      message_to({"a@example.hu"}, "Subject: x\r\n\r\nHello\r\n"), 2);
  REQUIRE(d.results.size() == 2);
  CHECK(d.results[1].outcomes[0].last_reply.text == "c");
  CHECK(got == "Subject: x\r\n\r\nHello\r\n");
}

TEST_CASE("a big message waits for the recipient before its chunk goes out") {
  std::string body;
  while (body.size() < (3u << 20)) body += ".line " + std::to_string(body.size()) + "\r\n";
  SECTION("taken") {
    std::string got;
    const auto d = one_message(
        [&](peer& p) {
          p.greet("PIPELINING CHUNKING");
          p.answer("MAIL", "250 ok");
          p.answer("RCPT", "250 ok");
          got = p.hear_chunk();
          p.say("250 ok");
          p.answer("QUIT", "221 bye");
        },
        message_to({"a@example.hu"}, body));
    CHECK(first(d).kind == outcome_kind::delivered);
    CHECK((got == body));
  }
  SECTION("refused: no chunk, and the connection serves again") {
    const auto d = one_message(
        [&](peer& p) {
          p.greet("PIPELINING CHUNKING");
          p.answer("MAIL", "250 ok");
          p.answer("RCPT", "550 5.1.1 unknown");
          p.answer("RSET", "250 ok");
          p.answer("MAIL", "250 ok");
          p.answer("RCPT", "550 5.1.1 unknown");
          p.answer("QUIT", "221 bye");
        },
        message_to({"a@example.hu"}, body), 2);
    CHECK(first(d).kind == outcome_kind::bounced);
    CHECK(first(d).scope == outcome_scope::recipient);
    CHECK(d.was_open_at_end);
  }
}

TEST_CASE("replies to a whole pipelined message, each counted for what it answers") {
  struct row {
    const char *mail, *rcpt_a, *rcpt_b, *chunk;
    const char* expected;
    bool is_open;
  };
  for (const row& w : {
           row{"250 ok", "250 ok", "250 ok", "250 ok", "dd", true},
           {"250 ok", "550 5.1.1 no", "250 ok", "250 ok", "bd", true},
           {"250 ok", "250 ok", "452 4.2.2 full", "554 5.7.1 no", "bw", true},
           {"250 ok", "250 ok", "250 ok", "451 4.3.0 later", "ww", true},
           {"250 ok", "250 ok", "552 too many", "250 ok", "dw", true},
           {"250 ok", "550 5.1.1 no", "550 5.1.1 no", "503 5.5.1 no recipients", "bb", true},
           {"550 5.7.1 no", "503 5.5.1 no MAIL", "503 5.5.1 no MAIL", "503 5.5.1 no", "bb", true},
           {"451 4.7.1 no", "503 5.5.1 no MAIL", "503 5.5.1 no MAIL", "503 5.5.1 no", "ww", true},
           // What was taken for nobody is not believed; 354 is no answer to a chunk.
           {"250 ok", "550 5.1.1 no", "450 4.2.1 no", "250 ok", "bw", false},
           {"250 ok", "250 ok", "250 ok", "354 go on", "ww", false},
           {"250 ok", "250 ok", "250 ok", "421 4.3.2 down", "ww", false},
           {"250 ok", "250 ok", "421 4.3.2 down", "", "ww", false},
       }) {
    INFO(w.mail << ' ' << w.rcpt_a << ' ' << w.rcpt_b << ' ' << w.chunk);
    const auto d = one_message(
        [&](peer& p) {
          p.greet("PIPELINING CHUNKING");
          p.answer("MAIL", w.mail);
          p.answer("RCPT", w.rcpt_a);
          p.answer("RCPT", w.rcpt_b);
          if (*w.chunk) {
            p.hear_chunk();
            p.say(w.chunk);
          }
          if (w.is_open) p.answer("QUIT", "221 bye");
        },
        message_to({"a@example.hu", "b@example.hu"}));
    std::string kinds;
    for (const auto& o : d.results.at(0).outcomes)
      kinds += o.kind == outcome_kind::delivered  ? 'd'
               : o.kind == outcome_kind::deferred ? 'w'
                                                  : 'b';
    CHECK(kinds == w.expected);
    CHECK(d.was_open_at_end == w.is_open);
  }
}

TEST_CASE("after a refused chunk the next message begins with RSET") {
  const auto d = one_message(
      [](peer& p) {
        p.greet("PIPELINING CHUNKING");
        p.answer("MAIL", "250 ok");
        p.answer("RCPT", "250 ok");
        p.hear_chunk();
        p.say("554 5.6.0 no");
        p.answer("RSET", "250 ok");
        p.answer("MAIL", "250 ok");
        p.answer("RCPT", "250 ok");
        p.hear_chunk();
        p.say("250 ok");
        p.answer("QUIT", "221 bye");
      },
      message_to({"a@example.hu"}), 2);
  CHECK(first(d).kind == outcome_kind::bounced);
  CHECK(d.results.at(1).outcomes[0].kind == outcome_kind::delivered);
}

TEST_CASE(
    "a server that offers CHUNKING and does not know BDAT is left before it reads content as "
    "commands") {
  const auto d = one_message(
      [](peer& p) {
        p.greet("PIPELINING CHUNKING");
        p.answer("MAIL", "250 ok");
        p.answer("RCPT", "250 ok");
        p.hear();
        p.say("500 5.5.2 what?");
        p.wait_for_end();
      },
      message_to({"a@example.hu"}));
  CHECK(first(d).kind == outcome_kind::deferred);
  CHECK(first(d).scope == outcome_scope::session);
  CHECK(d.results[0].chunking_refused);
  CHECK_FALSE(d.results[0].may_have_been_delivered);
  CHECK_FALSE(d.was_open_at_end);
}

TEST_CASE("CHUNKING can be left alone") {
  fake_server server{{[](peer& p) {
    p.greet("CHUNKING");
    p.take_message();
    p.answer("QUIT", "221 bye");
  }}};
  auto m = message_to({"a@example.hu"});
  m.uses_chunking = false;
  const auto d = run(deliver(server.where(), plain_settings(), {m}));
  CHECK(first(d).kind == outcome_kind::delivered);
}

TEST_CASE("a chunk that was cut off is not delivered, one without an answer may have been") {
  std::string body;
  while (body.size() < (32u << 20)) body += std::string(70, 'x') + "\r\n";
  SECTION("refused in the middle") {
    fake_server server{{[](peer& p) {
      p.greet("CHUNKING");
      p.answer("MAIL", "250 ok");
      p.answer("RCPT", "250 ok");
      p.hear();
      p.say("552 5.3.4 too big for us");
    }}};
    const auto d =
        run(deliver(server.where(), plain_settings(), {message_to({"a@example.hu"}, body)}));
    CHECK(to_string(first(d).last_reply) == "552 5.3.4 too big for us");
    CHECK(first(d).kind == outcome_kind::bounced);
    CHECK_FALSE(d.results[0].may_have_been_delivered);
  }
  SECTION("taken in the middle: not believed") {
    fake_server server{{[](peer& p) {
      p.greet("CHUNKING");
      p.answer("MAIL", "250 ok");
      p.answer("RCPT", "250 ok");
      p.hear();
      p.say("250 ok, thanks");
    }}};
    const auto d =
        run(deliver(server.where(), plain_settings(), {message_to({"a@example.hu"}, body)}));
    CHECK(first(d).kind == outcome_kind::deferred);
    CHECK_FALSE(d.results[0].may_have_been_delivered);
  }
  SECTION("no answer") {
    const auto d = one_message(
        [](peer& p) {
          p.greet("CHUNKING PIPELINING");
          p.answer("MAIL", "250 ok");
          p.answer("RCPT", "250 ok");
          p.hear_chunk();
        },
        message_to({"a@example.hu"}));
    CHECK(first(d).kind == outcome_kind::deferred);
    CHECK(d.results[0].may_have_been_delivered);
  }
}

TEST_CASE(
    "what went out at once may have been taken whatever its answers were, but for none at all") {
  struct row {
    const char *mail, *rcpt;  // null: the server leaves instead
    bool expected;
  };
  for (const row& w : {row{nullptr, nullptr, false},
                       {"what?", nullptr, true},
                       {"354 go on", nullptr, true},
                       {"421 4.3.2 down", nullptr, false},
                       {"250 ok", nullptr, true},
                       {"250 ok", "what?", true},
                       {"250 ok", "421 4.3.2 down", false}}) {
    INFO((w.mail ? w.mail : "-") << ' ' << (w.rcpt ? w.rcpt : "-"));
    const auto d = one_message(
        [&](peer& p) {
          p.greet("PIPELINING CHUNKING");
          p.hear();
          p.hear();
          p.hear_chunk();
          if (w.mail) p.say(w.mail);
          if (w.rcpt) p.say(w.rcpt);
        },
        message_to({"a@example.hu"}));
    CHECK(first(d).kind == outcome_kind::deferred);
    CHECK(d.results[0].may_have_been_delivered == w.expected);
  }
}

TEST_CASE("words before their command are not answers") {
  SECTION("all at once at the greeting") {
    fake_server server{{[](peer& p) {
      p.raw("220 mx\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n");
      p.wait_for_end();
    }}};
    const auto d = run(deliver(server.where(), plain_settings(), {message_to({"a@example.hu"})}));
    CHECK_FALSE(d.opened.made);
    CHECK(d.opened.problem.kind == outcome_kind::deferred);
    CHECK(server.heard().empty());
  }
  SECTION("354 and the answer to the message in one") {
    fake_server server{{[](peer& p) {
      p.greet();
      p.answer("MAIL", "250 ok");
      p.answer("RCPT", "250 ok");
      p.answer("DATA", "354 go on\r\n250 taken");
      p.wait_for_end();
    }}};
    const auto d = run(deliver(server.where(), plain_settings(), {message_to({"a@example.hu"})}));
    CHECK(first(d).kind == outcome_kind::deferred);
    CHECK(d.results.at(0).end == transaction_end::broken);
    CHECK_FALSE(d.results[0].may_have_been_delivered);
  }
  SECTION("between messages") {
    fake_server server{{[](peer& p) {
      p.greet();
      p.take_message();
      p.say("250 one more");
      p.wait_for_end();
    }}};
    const auto d = run(deliver(server.where(), plain_settings(),
                               {message_to({"a@example.hu"}), message_to({"b@example.hu"})}));
    CHECK(first(d).kind == outcome_kind::delivered);
    CHECK(d.results.at(1).end == transaction_end::stale);
    CHECK(d.results[1].outcomes[0].kind == outcome_kind::deferred);
    CHECK_FALSE(d.was_open_at_end);
  }
}

}  // namespace consentry::smtp::client
