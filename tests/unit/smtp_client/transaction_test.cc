#include <catch2/catch.hpp>

#include "tests/unit/smtp_client/fake_server.h"

namespace consentry::smtp::client {
namespace {

std::string kinds(const transaction_result& r) {
  std::string s;
  for (const auto& o : r.outcomes)
    s += o.kind == outcome_kind::delivered ? 'd' : o.kind == outcome_kind::deferred ? 'w' : 'b';
  return s;
}

}  // namespace

TEST_CASE("a message goes out byte for byte, dots stuffed") {
  std::string got;
  fake_server server{{[&](peer& p) {
    p.greet("SIZE");
    p.answer("MAIL FROM:<from@example.hu> SIZE=32", "250 ok");
    p.answer("RCPT TO:<a@example.hu>", "250 ok");
    p.answer("DATA", "354 go on");
    got = p.hear_data();
    p.say("250 2.0.0 queued as 1");
    p.answer("QUIT", "221 bye");
  }}};
  const std::string headers = "Subject: x\r\n\r\n", body = ".hello\r\n..\r\n.\r\n";
  auto m = message_to({"a@example.hu"});
  m.content = {headers, body, "z"};
  m.content.pop_back();
  REQUIRE(headers.size() + body.size() == 29);
  m.content.push_back("!");
  const auto d = run(deliver(server.where(), plain_settings(), {m}));
  const auto& o = d.results.at(0).outcomes.at(0);
  CHECK(o.kind == outcome_kind::delivered);
  CHECK(o.last_reply.text == "queued as 1");
  CHECK(o.remote_host == "mx.example.test");
  CHECK(got == "Subject: x\r\n\r\n..hello\r\n...\r\n..\r\n!\r\n.\r\n");
  CHECK(d.was_open_at_end);
}

TEST_CASE("a big message arrives whole") {
  std::string body;
  while (body.size() < (3u << 20)) body += ".line " + std::to_string(body.size()) + "\r\n";
  std::string got;
  fake_server server{{[&](peer& p) {
    p.greet();
    p.answer("MAIL", "250 ok");
    p.answer("RCPT", "250 ok");
    p.answer("DATA", "354 go on");
    got = p.hear_data();
    p.say("250 ok");
    p.answer("QUIT", "221 bye");
  }}};
  const auto d =
      run(deliver(server.where(), plain_settings(), {message_to({"a@example.hu"}, body)}));
  CHECK(kinds(d.results.at(0)) == "d");
  std::string unstuffed;
  for (std::size_t at = 0; at < got.size();) {
    const auto end = got.find("\r\n", at) + 2;
    if (end - at > 3) unstuffed += got.substr(at + 1, end - at - 1);
    at = end;
  }
  CHECK((unstuffed == body));
}

TEST_CASE("recipients refused one by one, the others go on") {
  for (const char* extensions : {"", "PIPELINING"}) {
    INFO(extensions);
    fake_server server{{[&](peer& p) {
      p.greet(extensions);
      p.answer("MAIL", "250 ok");
      p.answer("RCPT TO:<a@", "250 2.1.5 ok");
      p.answer("RCPT TO:<b@", "550 5.1.1 unknown");
      p.answer("RCPT TO:<c@", "452 4.5.3 too many");
      p.answer("DATA", "354 go on");
      p.hear_data();
      p.say("250 ok");
      p.answer("QUIT", "221 bye");
    }}};
    const auto d = run(deliver(server.where(), plain_settings(),
                               {message_to({"a@example.hu", "b@example.hu", "c@example.hu"})}));
    const auto& r = d.results.at(0);
    CHECK(kinds(r) == "dbw");
    CHECK(r.end == transaction_end::answered);
    CHECK(r.outcomes[1].scope == outcome_scope::recipient);
    CHECK(to_string(r.outcomes[1].last_reply) == "550 5.1.1 unknown");
    CHECK(d.was_open_at_end);
  }
}

TEST_CASE("with PIPELINING the envelope is one write") {
  std::string first;
  fake_server server{{[&](peer& p) {
    p.greet("PIPELINING");
    for (int i = 0; i < 4; ++i) first += p.hear() + '\n';  // without answering
    p.raw("250 a\r\n250 b\r\n250 c\r\n354 d\r\n");
    p.hear_data();
    p.say("250 ok");
    p.answer("QUIT", "221 bye");
  }}};
  const auto d = run(
      deliver(server.where(), plain_settings(), {message_to({"a@example.hu", "b@example.hu"})}));
  CHECK(kinds(d.results.at(0)) == "dd");
  CHECK(first ==
        "MAIL FROM:<from@example.hu>\nRCPT TO:<a@example.hu>\nRCPT TO:<b@example.hu>\nDATA\n");
}

TEST_CASE("all recipients refused: no message goes out, and the connection serves again") {
  for (const char* data_reply : {"554 5.5.1 no valid recipients", "354 go on"}) {
    INFO(data_reply);
    fake_server server{{[&](peer& p) {
      p.greet("PIPELINING");
      p.answer("MAIL", "250 ok");
      p.answer("RCPT", "550 5.1.1 unknown");
      p.answer("DATA", data_reply);
      if (data_reply[0] == '3') {
        if (p.hear_data() != ".\r\n") throw std::runtime_error("data without recipient");
        p.say("554 no valid recipients");
      } else {
        p.answer("RSET", "250 ok");
      }
      p.take_message();
      p.answer("QUIT", "221 bye");
    }}};
    // take_message answers each command before the next is read, which PIPELINING bears.
    const auto d = run(deliver(server.where(), plain_settings(),
                               {message_to({"a@example.hu"}), message_to({"b@example.hu"})}));
    REQUIRE(d.results.size() == 2);
    CHECK(kinds(d.results[0]) == "b");
    CHECK(kinds(d.results[1]) == "d");
    CHECK_FALSE(server.has_heard("server:"));
  }
}

TEST_CASE("refusals of MAIL, DATA and the message have the message's scope") {
  struct row {
    const char *extensions, *mail, *data, *end;
    const char* expected;
  };
  for (const row& w : {row{"", "550 5.7.1 no", "", "", "b"},
                       {"", "451 4.3.0 later", "", "", "w"},
                       {"", "250 ok", "451 4.3.0 later", "", "w"},
                       {"", "250 ok", "554 5.6.0 no", "", "b"},
                       {"", "250 ok", "354 go", "552 5.3.4 too big", "b"},
                       {"", "250 ok", "354 go", "451 4.3.0 later", "w"},
                       {"PIPELINING", "550 5.7.1 no", "503 5.5.1 no", "", "b"},
                       {"PIPELINING", "250 ok", "451 4.3.0 later", "", "w"}}) {
    INFO(w.extensions << ' ' << w.mail << ' ' << w.data << ' ' << w.end);
    fake_server server{{[&](peer& p) {
      const bool pipelined = *w.extensions;
      p.greet(w.extensions);
      p.answer("MAIL", w.mail);
      if (w.mail[0] == '2' || pipelined) {
        p.answer("RCPT", w.mail[0] == '2' ? "250 ok" : "503 5.5.1 no MAIL");
        p.answer("DATA", w.data);
        if (w.data[0] == '3') {
          p.hear_data();
          p.say(w.end);
        }
      }
      p.answer("QUIT", "221 bye");
    }}};
    const auto d = run(deliver(server.where(), plain_settings(), {message_to({"a@example.hu"})}));
    CHECK(kinds(d.results.at(0)) == w.expected);
    CHECK(d.results[0].outcomes[0].scope == outcome_scope::message);
    CHECK(d.was_open_at_end);
    CHECK_FALSE(server.has_heard("server:"));
  }
}

TEST_CASE("a closed gate sends nothing, and the connection is as before") {
  fake_server server{{[](peer& p) {
    p.greet("PIPELINING");
    p.answer("QUIT", "221 bye");
  }}};
  const auto work = [](target to) -> boost::asio::awaitable<transaction_result> {
    auto opened = co_await connection::open(std::move(to), plain_settings());
    auto m = message_to({"a@example.hu"});
    std::function<bool()> closed = [] { return false; };
    auto r = co_await send(*opened.made, std::move(m), std::move(closed));
    co_await opened.made->quit();
    co_return r;
  };
  const auto r = run(work(server.where()));
  CHECK(r.end == transaction_end::gated);
  CHECK(kinds(r) == "w");
  CHECK(server.heard().size() == 2);  // EHLO, QUIT
}

TEST_CASE("A5: a gate that closes on the way resets what is not at its end") {
  std::string big;
  while (big.size() < (300u << 10)) big += "line " + std::to_string(big.size()) + "\r\n";
  struct row {
    const char* extensions;
    int open_for;  // so often the gate says yes
    const char* last_heard;
    bool stays_open;
  };
  const row rows[] = {
      // MAIL, RCPT | DATA
      {"", 2, "RCPT TO:<a@example.hu>", true},
      {"", 1, "MAIL FROM:<from@example.hu>", true},
      // MAIL RCPT DATA | content in blocks of 128 KiB
      {"PIPELINING", 1, "DATA", false},
      {"PIPELINING", 2, "DATA", false},
      {"PIPELINING CHUNKING", 1, "RCPT TO:<a@example.hu>", true},
      {"PIPELINING CHUNKING", 2, "RCPT TO:<a@example.hu>", false},
  };
  for (const row& w : rows) {
    INFO(w.extensions << ", open for " << w.open_for);
    const bool is_chunked = std::string_view{w.extensions}.ends_with("CHUNKING");
    std::string last;
    bool has_ended = false;
    fake_server server{{[&](peer& p) {
      p.greet(w.extensions);
      for (;;) {
        const auto line = p.hear();
        if (line == "QUIT") {
          p.say("221 bye");
          return;
        }
        if (line.starts_with("BDAT")) {
          p.wait_for_end();
          return;
        }
        last = line;
        if (line != "DATA") {
          p.say("250 ok");
          continue;
        }
        p.say("354 go on");
        p.wait_for_end();
        return;
      }
    }}};
    const auto work = [&](target to) -> boost::asio::awaitable<transaction_result> {
      auto opened = co_await connection::open(std::move(to), plain_settings());
      auto m = message_to({"a@example.hu"}, big);
      int asked = 0;
      std::function<bool()> gate = [&asked, &w] { return asked++ < w.open_for; };
      auto r = co_await send(*opened.made, std::move(m), std::move(gate));
      has_ended = !opened.made->is_open();
      if (!has_ended) co_await opened.made->quit();
      co_return r;
    };
    const auto r = run(work(server.where()));
    CHECK(r.end == transaction_end::gated);
    CHECK(kinds(r) == "w");
    CHECK_FALSE(r.may_have_been_delivered);
    CHECK(last.starts_with(w.last_heard));
    CHECK(has_ended != w.stays_open);
    if (is_chunked && !w.stays_open) CHECK(server.has_heard("BDAT"));
  }
}

TEST_CASE("what the next hop cannot carry is refused here, before a word is said") {
  struct row {
    const char* extensions;
    void (*change)(outgoing&);
    enhanced_code status;
  };
  const row rows[] = {
      {"SIZE", [](outgoing& m) { m.envelope.smtputf8 = true; }, {5, 6, 7}},
      {"SIZE", [](outgoing& m) { m.envelope.body = body_type::eight_bit; }, {5, 6, 3}},
      {"SIZE",
       [](outgoing& m) {
         m.envelope.recipients[0].address = mailbox::parse("\u00e9va@example.hu").value();
       },
       {5, 6, 7}},
      {"SIZE", [](outgoing& m) { m.content = {"Subject: x\n\n"}; }, {5, 6, 0}},
  };
  for (const row& w : rows) {
    fake_server server{{[&](peer& p) {
      p.greet(w.extensions);
      p.answer("QUIT", "221 bye");
    }}};
    auto m = message_to({"a@example.hu"});
    w.change(m);
    const auto d = run(deliver(server.where(), plain_settings(), {m}));
    const auto& o = d.results.at(0).outcomes.at(0);
    CHECK(o.kind == outcome_kind::bounced);
    CHECK(o.last_reply.enhanced == w.status);
    CHECK(o.last_reply.code == 0);
    CHECK_FALSE(o.cause.empty());
    CHECK_FALSE(server.has_heard("MAIL"));
  }
}

TEST_CASE("a message over the host's size limit is not begun") {
  fake_server server{{[](peer& p) {
    p.say("220 x");
    p.answer("EHLO", "250-mx\r\n250 SIZE 10");
    p.answer("QUIT", "221 bye");
  }}};
  const auto d = run(deliver(server.where(), plain_settings(), {message_to({"a@example.hu"})}));
  CHECK(d.results.at(0).outcomes.at(0).last_reply.enhanced == enhanced_code{5, 3, 4});
  CHECK_FALSE(server.has_heard("MAIL"));
}

TEST_CASE("only the recipient that needs SMTPUTF8 is refused without it") {
  fake_server server{{[](peer& p) {
    p.greet();
    p.take_message();
    p.answer("QUIT", "221 bye");
  }}};
  const auto d = run(deliver(server.where(), plain_settings(),
                             {message_to({"\u00e9va@example.hu", "eva@t\u00fck\u00f6r.hu"})}));
  CHECK(kinds(d.results.at(0)) == "bd");
  CHECK(server.has_heard("RCPT TO:<eva@xn--tkr-tna2a.hu>"));
}

TEST_CASE("several messages share a connection") {
  fake_server server{{[](peer& p) {
    p.greet();
    for (int i = 0; i < 3; ++i) p.take_message();
    p.answer("QUIT", "221 bye");
  }}};
  const auto d = run(deliver(
      server.where(), plain_settings(),
      {message_to({"a@example.hu"}), message_to({"b@example.hu"}), message_to({"c@example.hu"})}));
  REQUIRE(d.results.size() == 3);
  for (const auto& r : d.results) CHECK(kinds(r) == "d");
}

}  // namespace consentry::smtp::client
