#include "smtp/server/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "tests/support/memory_stream.h"
#include "tests/support/scripted_gatekeeper.h"

using namespace consentry;
using namespace consentry::smtp::server;
using namespace std::chrono_literals;
using consentry::tests::memory_peer;
using consentry::tests::scripted_gatekeeper;

namespace {

// A session over memory that runs whenever something was sent.
class talk {
 public:
  explicit talk(gatekeeper& gate, listener_role role = listener_role::inbound,
                std::size_t read_max = 1 << 20)
      : services_{gate, guard_, memory, nullptr, "a secret of tests"}, peer{io_.get_executor()} {
    auto settings = std::make_shared<session_settings>();
    settings->role = role;
    settings->host_name = "mx.test";
    settings->implicit_tls = role == listener_role::submission;
    peer.set_read_max(read_max);
    session_ = std::make_unique<session>(peer.make_stream(true), "192.0.2.1", std::uint16_t{1},
                                         settings, services_);
    auto done = [this](std::exception_ptr error) { ended = true, failed = error != nullptr; };
    boost::asio::co_spawn(io_, session_->run(), std::move(done));
    run();
  }
  ~talk() {
    peer.close();
    run();
  }

  // What the server answers.
  std::string say(std::string_view bytes) {
    peer.received().clear();
    peer.send(bytes);
    run();
    return peer.received();
  }
  void run() {
    io_.restart();
    io_.poll();
  }

 private:
  boost::asio::io_context io_;
  auth_guard guard_{{.answer_delay = 0ms}};

 public:
  memory_budget memory{1 << 20};

 private:
  session_services services_;

 public:
  memory_peer peer;
  bool ended = false;
  bool failed = false;

 private:
  std::unique_ptr<session> session_;
};

class throwing_gatekeeper final : public gatekeeper {
 public:
  boost::asio::awaitable<result<std::optional<scram_keys>>> find_keys(std::string) override {
    throw std::runtime_error("bug");
  }
  boost::asio::awaitable<result<principal>> sign_in(const session_info&, std::string) override {
    throw std::runtime_error("bug");
  }
  boost::asio::awaitable<smtp::reply> mail(const session_info&, const smtp::envelope&) override {
    co_return smtp::reply{250, {2, 1, 0}, "ok"};
  }
  boost::asio::awaitable<smtp::reply> recipient(const session_info&, const smtp::envelope&,
                                                const smtp::envelope_recipient&) override {
    co_return smtp::reply{250, {2, 1, 5}, "ok"};
  }
  boost::asio::awaitable<smtp::reply> message(const session_info&, smtp::envelope,
                                              std::string) override {
    throw std::runtime_error("bug");
    co_return smtp::reply{};
  }
};

// Every line is "250-text" or "250 text" and at most 512 octets; every reply but banner, EHLO's and
// 3xx carries an enhanced code of its class.
void check_replies(std::string_view all) {
  bool first = true;
  while (!all.empty()) {
    const auto end = all.find("\r\n");
    REQUIRE(end != std::string_view::npos);
    const auto line = all.substr(0, end);
    all.remove_prefix(end + 2);
    CAPTURE(line);
    REQUIRE(line.size() >= 4);
    REQUIRE(line.size() <= 510);
    REQUIRE((line[0] >= '2' && line[0] <= '5'));
    REQUIRE((line[3] == ' ' || line[3] == '-'));
    const bool bare = first || line[0] == '3' || line.starts_with("250-") ||
                      line == "250 mx.test" || line.starts_with("250 AUTH") ||
                      line == "250 STARTTLS" || line == "250 DSN";
    first = false;
    if (bare) continue;
    REQUIRE(line.size() > 9);
    REQUIRE(line[4] == line[0]);
    REQUIRE(line[5] == '.');
  }
}

constexpr std::string_view group =
    "MAIL FROM:<a@example.hu>\r\nRCPT TO:<b@example.hu>\r\nRCPT TO:<c@example.hu>\r\nDATA\r\n";

}  // namespace

TEST_CASE("a pipelined group is answered by one write") {
  scripted_gatekeeper gate;
  talk t{gate};
  t.say("EHLO client.test\r\n");
  const auto before = t.peer.writes();
  const auto answer = t.say(group);
  CHECK(std::ranges::count(answer, '\n') == 4);
  CHECK(t.peer.writes() == before + 1);
  t.say("x\r\n.\r\n" + std::string{group});
  CHECK(t.peer.writes() == before + 2);
}

TEST_CASE("a gatekeeper that throws ends the session, and nothing is acknowledged") {
  throwing_gatekeeper gate;
  {
    talk t{gate};
    t.say("EHLO client.test\r\n");
    t.say(group);
    const auto answer = t.say("x\r\n.\r\nNOOP\r\n");
    CHECK(answer == "421 4.3.0 internal error, closing\r\n");
    CHECK(t.ended);
    CHECK_FALSE(t.failed);
  }
  {
    talk t{gate, listener_role::submission};
    t.say("EHLO client.test\r\n");
    CHECK(t.say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n") == "421 4.3.0 internal error, closing\r\n");
    CHECK(t.ended);
  }
}

TEST_CASE("a session that dies in the middle of data gives its memory back") {
  scripted_gatekeeper gate;
  talk t{gate};
  t.say("EHLO client.test\r\n");
  t.say(group);
  t.say(std::string(100'000, 'x'));
  t.say(std::string(50'000, 'x') + "\r\n.\r\n");
  CHECK(t.memory.left() == 1 << 20);
  t.say(group);
  t.say(std::string(900, 'x'));
  CHECK(t.memory.left() < 1 << 20);
  t.peer.close();
  t.run();
  CHECK(t.ended);
  CHECK(t.memory.left() == 1 << 20);
  CHECK(gate.accepted.empty());  // the first had too long a line, the second no end
}

TEST_CASE("a large message passes through unchanged") {
  scripted_gatekeeper gate;
  for (const std::size_t read_max : {1 << 20, 1000, 7}) {
    talk t{gate, listener_role::inbound, read_max};
    std::string body, sent;
    for (int i = 0; i < 3000; ++i) {
      const auto line =
          std::string(static_cast<std::size_t>(i % 3), '.') + std::to_string(i) + "\r\n";
      body += line;
      sent += (line[0] == '.' ? "." : "") + line;
    }
    t.say("EHLO client.test\r\n");
    t.say(group);
    CHECK(t.say(sent + ".\r\n") == "250 2.0.0 queued\r\n");
    REQUIRE(!gate.accepted.empty());
    CHECK(gate.accepted.back().data == body);
    t.say("MAIL FROM:<a@example.hu>\r\nRCPT TO:<b@example.hu>\r\n");
    CHECK(t.say("BDAT " + std::to_string(body.size()) + " LAST\r\n" + body) ==
          "250 2.0.0 queued\r\n");
    CHECK(gate.accepted.back().data == body);
  }
}

TEST_CASE("raw client streams crash nothing, and every reply is well formed") {
  const char* set = std::getenv("CONSENTRY_CORPORA");
  const auto corpora = set != nullptr ? std::filesystem::path{set}
                                      : std::filesystem::path{CONSENTRY_SOURCE_DIR}.parent_path() /
                                            "shared" / "corpora";
  const auto folder = corpora / "chasquid" / "smtp-fuzz-sessions";
  if (!std::filesystem::exists(folder)) {
    WARN("corpora are absent, skipped: " << folder);
    return;
  }
  int streams = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    ++streams;
    std::ifstream in{entry.path(), std::ios::binary};
    std::string lf{std::istreambuf_iterator<char>{in}, {}};
    std::string crlf;
    for (const char c : lf) {
      if (c == '\n') crlf += '\r';
      crlf += c;
    }
    for (const std::string* bytes : {&lf, &crlf}) {
      for (const auto role : {listener_role::inbound, listener_role::submission}) {
        for (const std::size_t read_max : {1 << 20, 1, 13}) {
          CAPTURE(entry.path().filename().string());
          scripted_gatekeeper gate;
          talk t{gate, role, read_max};
          t.peer.send(*bytes);
          t.run();
          t.peer.close();
          t.run();
          CHECK(t.ended);
          CHECK_FALSE(t.failed);
          check_replies(t.peer.received());
          for (const auto& m : gate.accepted) {
            CHECK(bytes == &crlf);
            CHECK(m.data.ends_with("\r\n"));
          }
        }
      }
    }
  }
  CHECK(streams >= 8);
}
